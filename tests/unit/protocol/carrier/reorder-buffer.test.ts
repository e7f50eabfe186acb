import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  MAX_RANGES,
  PIECE_COST,
  RANGE_COST,
  ReorderBuffer,
  type ReorderBufferOptions,
} from "../../../../protocol/carrier/reorder-buffer.ts";
import { MemoryBudget } from "../../../../protocol/memory-budget.ts";
import { bytesOf, codeOf } from "./pattern.ts";

const CHUNK = new Uint8Array(1 << 16);

const bufferOf = (window: number, more: Partial<ReorderBufferOptions> = {}) =>
  new ReorderBuffer({ window, deliver: () => {}, ...more });

describe("ReorderBuffer", () => {
  it("delivers every byte once and in order, however the bytes are cut, repeated and mixed", () => {
    const piece = fc.tuple(fc.nat(3000), fc.integer({ min: 1, max: 500 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const got: Buffer[] = [];
        const memory = new MemoryBudget(1 << 30).open("s");
        const buffer = new ReorderBuffer({
          ...{ window: 5000, memory },
          deliver: (bytes) => void got.push(Buffer.from(bytes)),
        });
        const have = new Set<number>();
        for (const [from, length] of pieces) {
          // A buffer of its own: the caller may change it later.
          const bytes = bytesOf(from, from + length);
          buffer.receive(from, bytes);
          for (let at = from; at < from + length; at++) have.add(at);
          let next = 0;
          while (have.has(next)) next++;
          expect(buffer.received).toBe(next);
          expect(buffer.held).toBe(have.size - next);
          expect(buffer.cost === 0).toBe(buffer.held === 0);
          expect(buffer.cost).toBe(memory.used);
        }
        expect(Buffer.concat(got).equals(bytesOf(0, buffer.received))).toBe(true);
      }),
    );
  });

  it("refuses bytes beyond the window and in too many ranges", () => {
    const buffer = bufferOf(300_000);
    expect(codeOf(() => buffer.receive(299_999, Buffer.alloc(1)))).toBe("fine");
    expect(codeOf(() => buffer.receive(299_999, Buffer.alloc(2)))).toBe("session.malformed");
    const gaps = (count: number) => {
      for (let at = 1; at <= count; at++) buffer.receive(at * 2, Buffer.alloc(1));
    };
    expect(codeOf(() => gaps(4000))).toBe("fine");
    expect(codeOf(() => gaps(5000))).toBe("session.malformed");
    expect(buffer.held).toBeLessThan(5000);
  });

  it("takes memory in proportion to the window, however small and mixed the pieces are", () => {
    const window = 1 << 18;
    /** Feeds single bytes in this order until one is refused. Returns the most memory taken. */
    const feed = (offsets: Iterable<number>) => {
      const buffer = bufferOf(window);
      let most = 0;
      try {
        for (const at of offsets) {
          // Each is a slice of a buffer of 64 KiB.
          buffer.receive(at, CHUNK.subarray(0, 1));
          most = Math.max(most, buffer.cost);
        }
      } catch {
        // Too many ranges.
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
    const bound = 2 * window + MAX_RANGES * (RANGE_COST + 2 * PIECE_COST);
    for (const offsets of [every(2, 1), every(1, 1), pairs(), interleaved(), [...every(1, 1)].reverse()]) {
      const most = feed(offsets);
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThan(bound);
    }
    // A window of single bytes takes little more than a window in one piece.
    const whole = bufferOf(window);
    whole.receive(1, new Uint8Array(window - 1));
    expect(feed(every(1, 1))).toBeLessThan(1.2 * whole.cost);
  });

  it("accepts a small window and few ranges until the peer is proven", () => {
    const before = bufferOf(1 << 20, { unproven: 1 << 12 });
    expect(codeOf(() => before.receive(4096, Buffer.alloc(1)))).toBe("session.malformed");
    const gaps = (buffer: ReorderBuffer) => {
      for (let at = 1; at <= 100; at++) buffer.receive(at * 2, Buffer.alloc(1));
    };
    expect(codeOf(() => gaps(before))).toBe("session.malformed");
    const after = bufferOf(1 << 20, { unproven: 1 << 12 });
    after.proven();
    expect(codeOf(() => after.receive(1 << 19, Buffer.alloc(1)))).toBe("fine");
    expect(codeOf(() => gaps(after))).toBe("fine");
  });

  it("throws session.overloaded once the account of the peer is over, beyond a minimum", () => {
    const memory = new MemoryBudget(1 << 22).open("s");
    const buffer = bufferOf(1 << 24, { memory });
    memory.add(1 << 21);
    expect(codeOf(() => buffer.receive(1, new Uint8Array(100_000)))).toBe("fine");
    expect(codeOf(() => buffer.receive(200_001, new Uint8Array(200_000)))).toBe("session.overloaded");
    buffer.clear();
    expect(memory.used).toBe(1 << 21);
  });

  it("keeps small pieces without the buffers that they are slices of", () => {
    const buffer = bufferOf(1 << 24);
    const before = process.memoryUsage().arrayBuffers;
    for (let at = 0; at < 2000; at++) buffer.receive(10 + at * 20, new Uint8Array(65_536).subarray(0, 10));
    expect(buffer.held).toBe(20_000);
    global.gc?.();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(global.gc ? 4 << 20 : 1 << 28);
  });
});
