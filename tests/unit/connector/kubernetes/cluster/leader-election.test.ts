import { describe, expect, it } from "vitest";
import {
  decide,
  heldSpec,
  type Lease,
  releasedSpec,
  type Sight,
  see,
} from "../../../../../connector/kubernetes/cluster/leader-election.ts";
import { microTime } from "../../../../../connector/kubernetes/cluster/micro-time.ts";
import { ownLabels } from "../../../../../connector/kubernetes/cluster/names.ts";

const lease = (spec: Lease["spec"], labels: Record<string, string> = { ...ownLabels("site_a") }): Lease => ({
  metadata: { resourceVersion: "1", labels },
  spec,
});
const held = (holderIdentity: string, renewTime = "2026-11-26T20:00:00.000000Z") =>
  lease({ holderIdentity, leaseDurationSeconds: 30, renewTime });

describe("An elector", () => {
  it.each([
    ["creates a Lease that is not there", { lease: null, unchangedSince: 0 }, "create"],
    [
      "renews the Lease that it holds, however old it is",
      { lease: held("me"), unchangedSince: -1e9 },
      "renew",
    ],
    ["takes a Lease that was given up", { lease: held(""), unchangedSince: 100 }, "take"],
    [
      "waits while another one's Lease may change",
      { lease: held("other"), unchangedSince: 100 - 29_999 },
      "wait",
    ],
    [
      "takes a Lease that did not change for its time",
      { lease: held("other"), unchangedSince: 100 - 30_000 },
      "take",
    ],
    [
      "leaves a Lease alone that is not one of Fairlead's",
      { lease: lease({ holderIdentity: "" }, {}), unchangedSince: -1e9 },
      "foreign",
    ],
    [
      "takes the Lease of a former site of its name, once it is not renewed",
      {
        lease: lease({ holderIdentity: "x", leaseDurationSeconds: 1 }, ownLabels("site_b")),
        unchangedSince: -900,
      },
      "take",
    ],
  ] satisfies [string, Sight, string][])("%s", (_, sight, decision) => {
    expect(decide(sight, "me", 100)).toBe(decision);
  });

  it.each(["1999-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.000000Z"])(
    "does not look at the holder's clock, which says %s",
    (renewTime) => {
      const first = see(null, held("other", renewTime), 1000);
      expect(decide(first, "me", 1000)).toBe("wait");
      const again = see(first, held("other", renewTime), 20_000);
      expect(again.unchangedSince).toBe(1000);
      expect(decide(again, "me", 31_000)).toBe("take");
    },
  );

  it("takes the Lease of a holder that is known to be gone, if it is one of Fairlead's", () => {
    const isLost = (holder: string) => holder === "other";
    expect(decide(see(null, held("other"), 0), "me", 0, isLost)).toBe("take");
    expect(decide(see(null, held("third"), 0), "me", 0, isLost)).toBe("wait");
    expect(decide(see(null, lease({ holderIdentity: "other" }, {}), 0), "me", 0, isLost)).toBe("foreign");
  });

  it("counts the time anew at each renewal, and at another holder", () => {
    const first = see(null, held("other"), 1000);
    expect(see(first, held("other", "2026-11-26T20:00:02.000000Z"), 3000).unchangedSince).toBe(3000);
    expect(see(first, held("third"), 4000).unchangedSince).toBe(4000);
    expect(see(first, null, 5000).unchangedSince).toBe(5000);
  });
});

describe("A Lease", () => {
  const time = microTime(Date.parse("2026-11-26T20:00:01.5Z"));

  it("has times with six digits after the second", () => {
    expect(time).toBe("2026-11-26T20:00:01.500000Z");
  });

  it("counts its holders, and keeps when the present one began", () => {
    const taken = heldSpec(held("other"), "me", time, 30);
    expect(taken).toEqual({
      holderIdentity: "me",
      leaseDurationSeconds: 30,
      acquireTime: time,
      renewTime: time,
      leaseTransitions: 1,
    });
    const later = microTime(Date.parse("2026-11-26T20:00:03Z"));
    expect(heldSpec(lease(taken), "me", later, 30)).toEqual({ ...taken, renewTime: later });
    expect(heldSpec(null, "me", time, 30).leaseTransitions).toBe(0);
  });

  it("can be taken at once after its release", () => {
    const released = releasedSpec(held("me"), time);
    expect(released).toMatchObject({ holderIdentity: "", leaseDurationSeconds: 1 });
    expect(decide(see(null, lease(released), 0), "other", 0)).toBe("take");
  });
});
