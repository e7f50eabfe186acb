import { describe, expect, it } from "vitest";
import { TIME_LIMITS } from "../../../../../protocol/time-limits.ts";
import { Departures } from "../../../../../workers/registry/sockets/departures.ts";

const NOW = 1_800_000_000_000;
const east = { site: "s1", boot: "b1" };
const GRACE = TIME_LIMITS.absence.least;

describe("a process whose uplink closed", () => {
  it("may come back for a grace, and is gone after it", () => {
    const departures = new Departures();
    departures.note(east, NOW, 20);
    expect(departures.graceLeft(east, NOW - 1, NOW)).toBe(GRACE);
    expect(departures.graceLeft(east, NOW - 1, NOW + GRACE - 1)).toBe(1);
    expect(departures.graceLeft(east, NOW - 1, NOW + GRACE)).toBe(0);
  });

  it("has a longer grace where its path to the edge is slow", () => {
    const departures = new Departures();
    departures.note(east, NOW, 2000);
    expect(departures.graceLeft(east, NOW - 1, NOW)).toBeGreaterThan(2 * GRACE);
  });

  it("is not told to be gone to who lost its own uplink too: the edge or the path may have ended both", () => {
    const departures = new Departures();
    departures.note(east, NOW, null);
    expect(departures.graceLeft(east, NOW + 1, NOW + GRACE)).toBeNull();
  });

  it("that came back, that fell silent only, or that is another site's, is not gone", () => {
    const departures = new Departures();
    departures.note(east, NOW, null);
    expect(departures.graceLeft({ ...east, site: "s2" }, NOW - 1, NOW + GRACE)).toBeNull();
    departures.forget(east);
    expect(departures.graceLeft(east, NOW - 1, NOW + GRACE)).toBeNull();
  });

  it("is remembered among ten thousand at the most, and for a quarter of an hour", () => {
    const departures = new Departures();
    departures.note(east, NOW, null);
    for (let other = 0; other < 10_000; other++)
      departures.note({ site: "s2", boot: `b${other}` }, NOW + 1, null);
    expect(departures.graceLeft(east, NOW - 1, NOW + 1)).toBeNull();
    departures.note(east, NOW + 2, null);
    departures.note({ site: "s3", boot: "b" }, NOW + 3600_000, null);
    expect(departures.graceLeft(east, NOW - 1, NOW + 3600_000)).toBeNull();
  });
});
