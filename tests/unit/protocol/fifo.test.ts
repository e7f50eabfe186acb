import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fifo } from "../../../protocol/fifo.ts";

describe("Fifo", () => {
  it("behaves like an array", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer(), { nil: undefined }), { maxLength: 5000 }), (steps) => {
        const queue = new Fifo<number>();
        const plain: number[] = [];
        for (const step of steps) {
          if (step === undefined) expect(queue.shift()).toBe(plain.shift());
          else {
            queue.push(step);
            plain.push(step);
          }
          expect(queue.length).toBe(plain.length);
          expect(queue.peek()).toBe(plain[0]);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("keeps its order over many steps in which it is never empty", () => {
    const queue = new Fifo<number>();
    queue.push(0);
    for (let at = 1; at < 10_000; at++) {
      queue.push(at);
      expect(queue.shift()).toBe(at - 1);
    }
    expect(queue.length).toBe(1);
  });
});
