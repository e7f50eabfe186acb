import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cadence,
  INTEREST_MS,
  MAX_REPORTS_PER_SECOND,
} from "../../../../../workers/telemetry/policy/cadence.ts";

describe("the interval of reports", () => {
  it("is a second while somebody watches, and longer when nobody asks", () => {
    const connectors = 50;
    expect(cadence({ connectors, isWatched: true, unaskedMs: 0 })).toBe(1000);
    expect(cadence({ connectors, isWatched: false, unaskedMs: 0 })).toBe(10_000);
    expect(cadence({ connectors, isWatched: false, unaskedMs: INTEREST_MS })).toBe(60_000);
  });

  it("lets through at most as many reports a second as the object takes, however many connectors there are", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20_000 }),
        fc.boolean(),
        fc.nat(),
        (connectors, isWatched, unaskedMs) => {
          const perSecond = (connectors * 1000) / cadence({ connectors, isWatched, unaskedMs });
          expect(perSecond).toBeLessThanOrEqual(MAX_REPORTS_PER_SECOND);
        },
      ),
    );
  });
});
