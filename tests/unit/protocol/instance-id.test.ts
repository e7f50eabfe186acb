import { describe, expect, it } from "vitest";
import { compareInstances, instanceKey, isSameInstance } from "../../../protocol/instance-id.ts";

const east = { site: "s0000000000000000000000000a", boot: "b0000000000000000000000000c" };
const thief = { site: "s0000000000000000000000000b", boot: east.boot };
const other = { site: east.site, boot: "b0000000000000000000000000d" };

describe("instanceKey, isSameInstance and compareInstances", () => {
  it("distinguish instances of two sites with the same boot id", () => {
    expect(instanceKey(thief)).not.toBe(instanceKey(east));
    expect(isSameInstance(thief, east)).toBe(false);
  });

  it("use nothing but the site id and the boot id", () => {
    const named = { ...east, siteName: "east" };
    expect(instanceKey(named)).toBe(instanceKey(east));
    expect(isSameInstance(named, east)).toBe(true);
  });

  it("distinguish two processes of one site", () => {
    expect(instanceKey(other)).not.toBe(instanceKey(east));
  });

  it("order instances by boot id, then by site id", () => {
    expect(compareInstances(east, other)).toBeLessThan(0);
    expect(compareInstances(other, thief)).toBeGreaterThan(0);
    expect(compareInstances(east, thief)).toBeLessThan(0);
    expect(compareInstances(thief, east)).toBeGreaterThan(0);
    expect(compareInstances(east, { ...east })).toBe(0);
  });
});
