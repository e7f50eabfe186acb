import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SendBuffer } from "../../../../protocol/carrier/send-buffer.ts";
import { bytesOf, codeOf } from "./pattern.ts";

describe("SendBuffer", () => {
  it("gives out every byte in order, and again where it was lost, until it is acknowledged", () => {
    const anyStep = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 400 }) }),
      fc.record({ take: fc.integer({ min: 1, max: 300 }) }),
      fc.record({ ack: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ lose: fc.double({ min: 0, max: 1, noNaN: true }) }),
    );
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
        const buffer = new SendBuffer();
        const arrived = new Set<number>();
        const inFlight: { from: number; to: number }[] = [];
        const take = (size: number): boolean => {
          const range = buffer.take(size, 1000);
          if (range === null) return false;
          const pieces: Uint8Array[] = [];
          buffer.slices(range, pieces);
          expect(Buffer.concat(pieces).equals(bytesOf(range.from, range.to))).toBe(true);
          expect(buffer.sent - buffer.acked).toBeLessThanOrEqual(1000);
          inFlight.push(range);
          return true;
        };
        for (const step of steps) {
          if ("push" in step) buffer.push(bytesOf(buffer.written, buffer.written + step.push));
          else if ("take" in step) take(step.take);
          else if ("ack" in step) buffer.acknowledge(Math.floor(step.ack * buffer.sent));
          else buffer.markLost(inFlight.splice(Math.floor(step.lose * inFlight.length)));
          expect(buffer.retained).toBe(buffer.written - buffer.acked);
        }
        buffer.markLost(inFlight.splice(0));
        for (let acked = buffer.acked; acked < buffer.written; acked = buffer.acked) {
          while (take(97)) {
            for (const { from, to } of inFlight.splice(0)) for (let at = from; at < to; at++) arrived.add(at);
          }
          let received = buffer.acked;
          while (arrived.has(received)) received++;
          expect(received).toBeGreaterThan(acked);
          buffer.acknowledge(received);
        }
        expect(buffer.retained).toBe(0);
      }),
    );
  });

  it("refuses an acknowledgement of bytes that were never sent", () => {
    const buffer = new SendBuffer();
    buffer.push(Buffer.alloc(10));
    buffer.take(5, 100);
    expect(codeOf(() => buffer.acknowledge(6))).toBe("session.malformed");
    buffer.acknowledge(5);
    buffer.acknowledge(3);
    expect(buffer.acked).toBe(5);
  });
});
