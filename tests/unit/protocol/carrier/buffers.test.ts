/** What is sent and what is received, each against a plain model. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CarrierState, mayMove } from "../../../../protocol/carrier/carrier-state.ts";
import {
  MAX_STRETCHES,
  PIECE_COST,
  ReorderBuffer,
  type ReorderBufferOptions,
  STRETCH_COST,
} from "../../../../protocol/carrier/reorder-buffer.ts";
import { SendBuffer } from "../../../../protocol/carrier/send-buffer.ts";
import type { FairleadError } from "../../../../protocol/errors.ts";
import { MemoryBudget } from "../../../../protocol/memory-budget.ts";

const byteAt = (at: number): number => (at * 7 + (at >>> 8)) & 0xff;
const bytesOf = (from: number, to: number): Buffer =>
  Buffer.from(Array.from({ length: to - from }, (_, at) => byteAt(from + at)));

function codeOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    return (error as FairleadError).code;
  }
  return "fine";
}

const CHUNK = new Uint8Array(1 << 16);

const incomingOf = (window: number, more: Partial<ReorderBufferOptions> = {}) =>
  new ReorderBuffer({ window, deliver: () => {}, ...more });

describe("what is received", () => {
  it("comes out once and in order, however it is cut, repeated and mixed", () => {
    const piece = fc.tuple(fc.nat(3000), fc.integer({ min: 1, max: 500 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const got: Buffer[] = [];
        const memory = new MemoryBudget(1 << 30).open("s");
        const incoming = new ReorderBuffer({
          ...{ window: 5000, memory },
          deliver: (bytes) => void got.push(Buffer.from(bytes)),
        });
        const have = new Set<number>();
        for (const [from, length] of pieces) {
          // A buffer of its own: what is kept must not change with it.
          const bytes = bytesOf(from, from + length);
          incoming.take(from, bytes);
          for (let at = from; at < from + length; at++) have.add(at);
          let next = 0;
          while (have.has(next)) next++;
          expect(incoming.received).toBe(next);
          expect(incoming.held).toBe(have.size - next);
          expect(incoming.cost === 0).toBe(incoming.held === 0);
          expect(incoming.cost).toBe(memory.used);
        }
        expect(Buffer.concat(got).equals(bytesOf(0, incoming.received))).toBe(true);
      }),
    );
  });

  it("is refused beyond the window and in too many parts", () => {
    const incoming = incomingOf(300_000);
    expect(codeOf(() => incoming.take(299_999, Buffer.alloc(1)))).toBe("fine");
    expect(codeOf(() => incoming.take(299_999, Buffer.alloc(2)))).toBe("session.malformed");
    const parts = (count: number) => {
      for (let at = 1; at <= count; at++) incoming.take(at * 2, Buffer.alloc(1));
    };
    expect(codeOf(() => parts(4000))).toBe("fine");
    expect(codeOf(() => parts(5000))).toBe("session.malformed");
    expect(incoming.held).toBeLessThan(5000);
  });

  it("takes memory in proportion to the window, however small and mixed the pieces are", () => {
    const window = 1 << 18;
    /** Single bytes in this order, until it is refused. */
    const feed = (offsets: Iterable<number>) => {
      const incoming = incomingOf(window);
      let most = 0;
      try {
        for (const at of offsets) {
          // Each cut from a buffer of 64 KiB of its own.
          incoming.take(at, CHUNK.subarray(0, 1));
          most = Math.max(most, incoming.cost);
        }
      } catch {
        // In too many parts.
      }
      return most;
    };
    function* every(step: number, from: number) {
      for (let at = from; at < window; at += step) yield at;
    }
    function* pairs() {
      for (let at = 1; at < window - 4; at += 4) {
        yield at;
        yield at + 2;
        yield at + 1;
      }
    }
    function* interleaved() {
      for (let block = 0; block < window - 8192; block += 8192) {
        for (let at = 1; at < 8190; at += 2) yield block + at;
        for (let at = 2; at < 8190; at += 2) yield block + at;
      }
    }
    const bound = 2 * window + MAX_STRETCHES * (STRETCH_COST + 2 * PIECE_COST);
    for (const offsets of [every(2, 1), every(1, 1), pairs(), interleaved(), [...every(1, 1)].reverse()]) {
      const most = feed(offsets);
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThan(bound);
    }
    // All of the window in single bytes costs little more than in one piece.
    const whole = incomingOf(window);
    whole.take(1, new Uint8Array(window - 1));
    expect(feed(every(1, 1))).toBeLessThan(1.2 * whole.cost);
  });

  it("is kept within a small window and in few parts until the peer is proven", () => {
    const before = incomingOf(1 << 20, { unproven: 1 << 12 });
    expect(codeOf(() => before.take(4096, Buffer.alloc(1)))).toBe("session.malformed");
    const parts = (incoming: ReorderBuffer) => {
      for (let at = 1; at <= 100; at++) incoming.take(at * 2, Buffer.alloc(1));
    };
    expect(codeOf(() => parts(before))).toBe("session.malformed");
    const after = incomingOf(1 << 20, { unproven: 1 << 12 });
    after.proven();
    expect(codeOf(() => after.take(1 << 19, Buffer.alloc(1)))).toBe("fine");
    expect(codeOf(() => parts(after))).toBe("fine");
  });

  it("ends the session of a peer whose account is over, but for a little that is always kept", () => {
    const memory = new MemoryBudget(1 << 22).open("s");
    const incoming = incomingOf(1 << 24, { memory });
    memory.add(1 << 21);
    expect(codeOf(() => incoming.take(1, new Uint8Array(100_000)))).toBe("fine");
    expect(codeOf(() => incoming.take(200_001, new Uint8Array(200_000)))).toBe("session.overloaded");
    incoming.clear();
    expect(memory.used).toBe(1 << 21);
  });

  it("keeps small pieces without the buffers that they were cut from", () => {
    const incoming = incomingOf(1 << 24);
    const before = process.memoryUsage().arrayBuffers;
    for (let at = 0; at < 2000; at++) incoming.take(10 + at * 20, new Uint8Array(65_536).subarray(0, 10));
    expect(incoming.held).toBe(20_000);
    global.gc?.();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(global.gc ? 4 << 20 : 1 << 28);
  });
});

describe("what is sent", () => {
  it("goes out whole and in order, again where it was lost, until it is acknowledged", () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 400 }) }),
      fc.record({ take: fc.integer({ min: 1, max: 300 }) }),
      fc.record({ ack: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ lose: fc.double({ min: 0, max: 1, noNaN: true }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const outgoing = new SendBuffer();
        const arrived = new Set<number>();
        const under: { from: number; to: number }[] = [];
        const take = (size: number): boolean => {
          const range = outgoing.take(size, 1000);
          if (range === null) return false;
          const pieces: Uint8Array[] = [];
          outgoing.slices(range, pieces);
          expect(Buffer.concat(pieces).equals(bytesOf(range.from, range.to))).toBe(true);
          expect(outgoing.sent - outgoing.acked).toBeLessThanOrEqual(1000);
          under.push(range);
          return true;
        };
        for (const one of steps) {
          if ("push" in one) outgoing.push(bytesOf(outgoing.written, outgoing.written + one.push));
          else if ("take" in one) take(one.take);
          else if ("ack" in one) outgoing.acknowledge(Math.floor(one.ack * outgoing.sent));
          else outgoing.lost(under.splice(Math.floor(one.lose * under.length)));
          expect(outgoing.retained).toBe(outgoing.written - outgoing.acked);
        }
        outgoing.lost(under.splice(0));
        for (let acked = outgoing.acked; acked < outgoing.written; acked = outgoing.acked) {
          while (take(97)) {
            for (const { from, to } of under.splice(0)) for (let at = from; at < to; at++) arrived.add(at);
          }
          let received = outgoing.acked;
          while (arrived.has(received)) received++;
          expect(received).toBeGreaterThan(acked);
          outgoing.acknowledge(received);
        }
        expect(outgoing.retained).toBe(0);
      }),
    );
  });

  it("cannot be acknowledged before it was sent", () => {
    const outgoing = new SendBuffer();
    outgoing.push(Buffer.alloc(10));
    outgoing.take(5, 100);
    expect(codeOf(() => outgoing.acknowledge(6))).toBe("session.malformed");
    outgoing.acknowledge(5);
    outgoing.acknowledge(3);
    expect(outgoing.acked).toBe(5);
  });
});

describe("the states of a pipe", () => {
  it("have these moves and no others", () => {
    const states: CarrierState[] = ["joining", "up", "resuming", "parking", "parked", "ended"];
    const moves = states.flatMap((from) =>
      states.filter((to) => mayMove(from, to)).map((to) => `${from} ${to}`),
    );
    expect(moves).toEqual([
      ...["joining up", "joining ended"],
      ...["up resuming", "up parking", "up parked", "up ended"],
      ...["resuming up", "resuming parked", "resuming ended"],
      ...["parking up", "parking resuming", "parking parked", "parking ended"],
      ...["parked up", "parked resuming", "parked ended"],
    ]);
  });
});
