import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LaneState } from "../../../../protocol/carrier/lane-state.ts";

describe("LaneState", () => {
  const lane = (...unacked: readonly (readonly [number, number])[]) => {
    const made = new LaneState(1, 1, 0, 1);
    for (const [from, to] of unacked) made.noteSent({ from, to });
    return made;
  };

  it("expects the peer to have reached what was acknowledged, and what the lane carried without a gap behind it", () => {
    expect(lane().reached(0)).toBe(0);
    expect(lane().reached(700)).toBe(700);
    expect(lane([0, 100]).reached(0)).toBe(100);
    expect(lane([0, 100], [100, 250]).reached(0)).toBe(250);
    // The bytes between were sent on another lane, which may be slower.
    expect(lane([0, 100], [200, 300]).reached(0)).toBe(100);
    expect(lane([200, 300]).reached(0)).toBe(0);
    // The bytes between were acknowledged.
    expect(lane([0, 100], [200, 300]).reached(200)).toBe(300);
    // Retransmitted bytes follow newer ones.
    expect(lane([200, 300], [0, 200]).reached(0)).toBe(300);
    expect(lane([0, 300], [100, 200]).reached(0)).toBe(300);
    expect(lane([0, 300], [250, 400]).reached(0)).toBe(400);
    expect(lane([0, 300]).reached(400)).toBe(400);
  });

  it("reaches the offset that a count of single bytes gives", () => {
    const range = fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 25 }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 12 }), fc.nat(80), fc.nat(80), (ranges, earlier, acked) => {
        const made = lane(...ranges.map(([from, length]) => [from, from + length] as const));
        made.noteAcked(Math.min(earlier, acked));
        const has = (byte: number) =>
          byte < acked || ranges.some(([from, length]) => from <= byte && byte < from + length);
        let reached = 0;
        while (has(reached)) reached++;
        expect(made.reached(acked)).toBe(reached);
      }),
    );
  });

  describe("silence", () => {
    const due = (made: LaneState) => made.silentAt() - made.lastReceivedAt;

    it("is not possible before a PING was sent", () => {
      expect(lane().silentAt()).toBe(Number.POSITIVE_INFINITY);
      expect(lane().pingDueAt(false)).toBe(Number.POSITIVE_INFINITY);
      expect(lane().pingDueAt(true)).toBe(Number.NEGATIVE_INFINITY);
    });

    it("takes five seconds, or eight round trips where these take longer", () => {
      const made = lane();
      made.receivePong(made.startPing(0, 0, true), 100, 0);
      made.startPing(100, 0, true);
      expect(due(made)).toBe(5000);
      const slow = lane();
      slow.receivePong(slow.startPing(0, 0, true), 2000, 0);
      slow.lastReceivedAt = 2000;
      slow.startPing(2000, 0, true);
      expect(due(slow)).toBe(16_000);
    });

    it("takes longer on a lane with a higher factor, up to a minute", () => {
      const made = new LaneState(1, 1, 0, 4);
      made.startPing(0, 0, true);
      expect(due(made)).toBe(20_000);
      const most = new LaneState(1, 1, 0, 100);
      most.startPing(0, 0, true);
      expect(due(most)).toBe(60_000);
    });
  });
});
