import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHex } from "../../../../protocol/encoding.ts";
import {
  MAX_VARINT,
  readVarint,
  varintBytes,
  varintLength,
  writeVarint,
} from "../../../../protocol/exchange/varint.ts";

describe("an integer of variable length", () => {
  it("has the bytes of RFC 9000, appendix A.1", () => {
    const examples: [number, string][] = [
      [494_878_333, "9d7f3e7d"],
      [15_293, "7bbd"],
      [37, "25"],
    ];
    for (const [value, hex] of examples) {
      const target = new Uint8Array(8);
      expect(encodeHex(target.subarray(0, writeVarint(target, 0, value)))).toBe(hex);
      expect(readVarint(Buffer.from(hex, "hex"), 0)).toBe(value);
    }
    expect(readVarint(Buffer.from("4025", "hex"), 0)).toBe(37);
    expect(readVarint(Buffer.from("c2197c5eff14e88c", "hex"), 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it("is read as it was written, up to the largest safe integer", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX_VARINT }), (value) => {
        const target = new Uint8Array(10);
        const end = writeVarint(target, 1, value);
        expect(end - 1).toBe(varintLength(value));
        expect(varintBytes(target[1] ?? 0)).toBe(varintLength(value));
        expect(readVarint(target, 1)).toBe(value);
      }),
    );
  });
});
