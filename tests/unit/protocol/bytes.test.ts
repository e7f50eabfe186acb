import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readU24, readU32, readU48, writeU24, writeU32, writeU48 } from "../../../protocol/bytes.ts";

describe.each([
  ["U24", 3, writeU24, readU24],
  ["U32", 4, writeU32, readU32],
  ["U48", 6, writeU48, readU48],
] as const)("%s", (_, size, write, read) => {
  const largest = 2 ** (8 * size) - 1;

  it("reads back every value at every offset, and writes no other bytes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: largest }), fc.nat(8), (value, at) => {
        const bytes = new Uint8Array(at + size + 2);
        write(bytes, at, value);
        expect(read(bytes, at)).toBe(value);
        expect([...bytes.subarray(0, at), ...bytes.subarray(at + size)].every((byte) => byte === 0)).toBe(
          true,
        );
      }),
    );
  });

  it("is big endian, and holds its largest value", () => {
    const bytes = new Uint8Array(size);
    write(bytes, 0, 258);
    expect([...bytes].slice(-2)).toEqual([1, 2]);
    write(bytes, 0, largest);
    expect(read(bytes, 0)).toBe(largest);
  });

  it("reads bytes beyond the end as 0", () => {
    expect(read(Uint8Array.of(1), 0)).toBe(2 ** (8 * (size - 1)));
    expect(read(new Uint8Array(0), 0)).toBe(0);
  });
});
