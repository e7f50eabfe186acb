import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bits,
  DerReader,
  element,
  integer,
  octets,
  oid,
  sequence,
  TAG,
  text,
  time,
} from "../../../../workers/authority/der.ts";

const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

describe("DerReader", () => {
  it("reads back a written element of any length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (content) => {
        const reader = DerReader.open(sequence(octets(content), octets(new Uint8Array())));
        expect(reader.next(TAG.octetString).content).toEqual(content);
        expect(reader.next(TAG.octetString).content).toHaveLength(0);
        reader.end();
      }),
    );
  });

  it.each([
    ["nothing", ""],
    ["a tag without a length", "30"],
    ["an element longer than the bytes", "300201"],
    ["an indefinite length", "30800000"],
    ["a length that could be shorter by its form", "30810100"],
    ["a length that could be shorter by a byte", "3082000100"],
    ["a length of four bytes", "308400000001ff"],
    ["a tag of two bytes", "1f2001ff"],
  ])("refuses %s", (_, hex) => {
    expect(() => new DerReader(bytesOf(hex)).any()).toThrow(RangeError);
  });

  it("refuses an element of another tag, and bytes after the last element", () => {
    const bytes = bytesOf("02010503");
    expect(() => new DerReader(bytes).next(TAG.octetString)).toThrow(RangeError);
    expect(() => DerReader.open(bytes, TAG.integer)).toThrow(RangeError);
  });

  it("never throws anything but RangeError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        for (const read of ["any", "oid", "bits", "boolean", "time", "enter"] as const) {
          try {
            new DerReader(new Uint8Array(bytes))[read]();
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(RangeError);
          }
        }
      }),
    );
  });
});

describe("object identifiers", () => {
  it("are read back as they were written", () => {
    for (const id of [
      "2.5.29.17",
      "1.3.6.1.5.5.7.3.1",
      "1.2.840.10045.4.3.2",
      "0.9.2342.19200300.100.1.25",
      "2.999.1",
    ]) {
      expect(new DerReader(oid(id)).oid()).toBe(id);
    }
  });

  it.each(["0600", "060180", "06028001", "06032a8001"])("refuses %s", (hex) => {
    expect(() => new DerReader(bytesOf(hex)).oid()).toThrow(RangeError);
  });
});

describe("times", () => {
  it.each([
    [Date.UTC(2026, 1, 28, 23, 59, 59), TAG.utcTime],
    [Date.UTC(1999, 11, 31), TAG.utcTime],
    [Date.UTC(2049, 11, 31, 23, 59, 59), TAG.utcTime],
    [Date.UTC(2050, 0, 1), TAG.generalizedTime],
  ])("are written as RFC 5280 wants them and read back: %i", (at, tag) => {
    const written = time(at);
    expect(written[0]).toBe(tag);
    expect(new DerReader(written).time()).toBe(at);
  });

  it.each([
    "261301000000Z",
    "260230000000Z",
    "260101240000Z",
    "260101006000Z",
    "2601010000Z",
    "260101000000+0100",
  ])("refuses %s", (value) => {
    expect(() => new DerReader(text(TAG.utcTime, value)).time()).toThrow(RangeError);
  });
});

describe("integer", () => {
  it.each([
    ["00", "020100"],
    ["7f", "02017f"],
    ["80", "02020080"],
    ["000080", "02020080"],
    ["", "020100"],
  ])("writes %s in its shortest positive form", (hex, expected) => {
    expect(integer(bytesOf(hex))).toEqual(bytesOf(expected));
  });
});

describe("bits", () => {
  it("is read back where its bits are whole bytes, and refused otherwise", () => {
    expect(new DerReader(bits(bytesOf("0102"))).bits()).toEqual(bytesOf("0102"));
    expect(() => new DerReader(bits(bytesOf("80"), 7)).bits()).toThrow(RangeError);
    expect(() => new DerReader(element(TAG.bitString)).bits()).toThrow(RangeError);
  });
});
