import { describe, expect, it } from "vitest";
import { type Dial, MEMORY_MS, Rendezvous } from "../../../../workers/router/rendezvous.ts";

const dial = (side: "a" | "b", over: Partial<Dial> = {}): Dial => ({
  session: "x1",
  generation: 1,
  lane: 0,
  side,
  expires: 30_000,
  ...over,
});

describe("Rendezvous", () => {
  it("joins two different sides in either order", () => {
    for (const [first, second] of [
      ["a", "b"],
      ["b", "a"],
    ] as const) {
      const rendezvous = new Rendezvous();
      expect(rendezvous.arrive(dial(first), 0)).toEqual({ kind: "wait" });
      expect(rendezvous.arrive(dial(second), 1)).toEqual({ kind: "join" });
    }
  });

  it("refuses a second dial of the same side", () => {
    const rendezvous = new Rendezvous();
    rendezvous.arrive(dial("a"), 0);
    expect(rendezvous.arrive(dial("a"), 1)).toEqual({ kind: "refuse", code: "ticket.replayed" });
    expect(rendezvous.arrive(dial("b"), 2)).toEqual({ kind: "join" });
  });

  it("refuses a third dial of either side", () => {
    const rendezvous = new Rendezvous();
    rendezvous.arrive(dial("a"), 0);
    rendezvous.arrive(dial("b"), 1);
    expect(rendezvous.arrive(dial("a"), 2)).toEqual({ kind: "refuse", code: "lane.taken" });
    expect(rendezvous.arrive(dial("b"), 3)).toEqual({ kind: "refuse", code: "lane.taken" });
  });

  it("refuses an older generation, and keeps lanes and generations apart", () => {
    const rendezvous = new Rendezvous();
    expect(rendezvous.arrive(dial("a", { generation: 2 }), 0)).toEqual({ kind: "wait" });
    expect(rendezvous.arrive(dial("b", { generation: 1 }), 1)).toEqual({
      kind: "refuse",
      code: "ticket.stale",
    });
    expect(rendezvous.arrive(dial("b", { generation: 2, lane: 1 }), 2)).toEqual({ kind: "wait" });
    expect(rendezvous.arrive(dial("b", { generation: 2 }), 3)).toEqual({ kind: "join" });
  });

  it("ends the waiting lanes of older generations of the same session, once", () => {
    const rendezvous = new Rendezvous();
    rendezvous.arrive(dial("a"), 0);
    rendezvous.arrive(dial("a", { lane: 1 }), 0);
    rendezvous.arrive(dial("a", { lane: 2 }), 0);
    rendezvous.arrive(dial("b", { lane: 2 }), 0);
    rendezvous.arrive(dial("a", { session: "x2" }), 0);
    expect(rendezvous.endOlder(dial("b"))).toEqual([]);
    const newer = dial("b", { generation: 2 });
    expect(rendezvous.endOlder(newer)).toEqual(["x1:1:0", "x1:1:1"]);
    expect(rendezvous.arrive(newer, 1)).toEqual({ kind: "wait" });
    expect(rendezvous.endOlder(newer)).toEqual([]);
    expect(rendezvous.endWait(dial("a"))).toBe(false);
    expect(rendezvous.arrive(dial("b"), 2)).toEqual({ kind: "refuse", code: "ticket.stale" });
    expect(rendezvous.arrive(dial("b", { session: "x2" }), 2)).toEqual({ kind: "join" });
  });

  it("refuses a dial after the first side gave up, and gives up only once", () => {
    const rendezvous = new Rendezvous();
    rendezvous.arrive(dial("a"), 0);
    expect(rendezvous.endWait(dial("a"))).toBe(true);
    expect(rendezvous.endWait(dial("a"))).toBe(false);
    expect(rendezvous.arrive(dial("b"), 11_000)).toEqual({ kind: "refuse", code: "lane.unmet" });
  });

  it("does not give up a joined lane", () => {
    const rendezvous = new Rendezvous();
    rendezvous.arrive(dial("a"), 0);
    rendezvous.arrive(dial("b"), 1);
    expect(rendezvous.endWait(dial("a"))).toBe(false);
  });

  it("forgets a lane that no valid ticket can reach", () => {
    const rendezvous = new Rendezvous();
    rendezvous.arrive(dial("a"), 0);
    rendezvous.arrive(dial("b"), 1);
    rendezvous.arrive(dial("a", { session: "x2", expires: 60_000 }), 30_000 + MEMORY_MS - 1);
    expect(rendezvous.size).toBe(2);
    rendezvous.arrive(dial("b", { session: "x2", expires: 60_000 }), 30_000 + MEMORY_MS);
    expect(rendezvous.size).toBe(1);
  });
});
