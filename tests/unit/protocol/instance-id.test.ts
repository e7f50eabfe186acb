import { describe, expect, it } from "vitest";
import { compareInstances, instanceKey, isSameInstance } from "../../../protocol/instance-id.ts";

const east = { site: "s0000000000000000000000000a", boot: "b0000000000000000000000000c" };
const thief = { site: "s0000000000000000000000000b", boot: east.boot };
const other = { site: east.site, boot: "b0000000000000000000000000d" };

describe("an instance", () => {
  it("has another key than one of another site that chose its boot id", () => {
    expect(instanceKey(thief)).not.toBe(instanceKey(east));
    expect(isSameInstance(thief, east)).toBe(false);
  });

  it("has the same key whatever else is known of it", () => {
    const named = { ...east, siteName: "east" };
    expect(instanceKey(named)).toBe(instanceKey(east));
    expect(isSameInstance(named, east)).toBe(true);
  });

  it("has another key than another process of its site", () => {
    expect(instanceKey(other)).not.toBe(instanceKey(east));
  });

  it("is ordered by its boot id, and by its site where that is equal", () => {
    expect(compareInstances(east, other)).toBeLessThan(0);
    expect(compareInstances(other, thief)).toBeGreaterThan(0);
    expect(compareInstances(east, thief)).toBeLessThan(0);
    expect(compareInstances(thief, east)).toBeGreaterThan(0);
    expect(compareInstances(east, { ...east })).toBe(0);
  });
});
