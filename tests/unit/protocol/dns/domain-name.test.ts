import { describe, expect, it } from "vitest";
import {
  Domain,
  isWithin,
  labelBytes,
  labelsOf,
  readName,
  skipName,
  ZoneDomain,
} from "../../../../protocol/dns/domain-name.ts";

const wire = (...parts: (string | number)[]) =>
  Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === "number" ? [part] : [part.length, ...Buffer.from(part, "latin1")],
    ),
  );

describe("readName", () => {
  it("reads labels in lower case, and escapes other bytes", () => {
    expect(readName(wire("Api", "a.b\\", "\xe4 ", 0), 0)).toEqual({
      text: "api.a\\.b\\\\.\\228\\032",
      end: 13,
    });
    expect(readName(wire(0), 0)).toEqual({ text: "", end: 1 });
  });

  it("follows pointers to lower offsets only", () => {
    const bytes = wire("internal", 0, "shop", 0xc0, 0, "api", 0xc0, 10);
    expect(readName(bytes, 17)).toEqual({ text: "api.shop.internal", end: 23 });
    expect(readName(bytes, 17, false)).toBeNull();
    expect(readName(wire("a", 0xc0, 0), 0)).toBeNull();
    expect(readName(wire(0xc0, 2, 0xc0, 0), 2)).toBeNull();
  });

  it("refuses names above 255 bytes", () => {
    const label = "x".repeat(63);
    expect(readName(wire(label, label, label, "x".repeat(61), 0), 0)?.end).toBe(255);
    expect(readName(wire(label, label, label, "x".repeat(62), 0), 0)).toBeNull();
  });

  it("refuses names that are cut off", () => {
    const bytes = wire("api", "shop", 0);
    for (let length = 0; length < bytes.length; length++)
      expect(readName(bytes.subarray(0, length), 0)).toBeNull();
  });
});

describe("skipName", () => {
  it("finds the end of a name", () => {
    expect(skipName(wire("api", 0xc0, 0), 0)).toBe(6);
    expect(skipName(wire("api", 0), 0)).toBe(5);
    expect(skipName(wire("api"), 0)).toBe(-1);
    expect(skipName(wire("api", 0xc0), 0)).toBe(-1);
    expect(skipName(wire(0x41, 0), 0)).toBe(-1);
  });
});

describe("labelsOf", () => {
  it("splits at periods that are not escaped", () => {
    expect(labelsOf("api.a\\.b\\\\.\\046x")).toEqual(["api", "a\\.b\\\\", "\\046x"]);
    expect(labelsOf("")).toEqual([]);
  });
});

describe("labelBytes", () => {
  it("is the reverse of the text that readName makes", () => {
    const label = String.fromCharCode(...Array.from({ length: 60 }, (_, at) => at * 4)).toLowerCase();
    const read = readName(wire(label, 0), 0);
    expect(labelBytes(read?.text ?? "")).toEqual([...Buffer.from(label, "latin1")]);
  });
});

describe("isWithin", () => {
  it("compares whole labels", () => {
    expect(isWithin("api.shop.internal", "shop.internal")).toBe(true);
    expect(isWithin("shop.internal", "shop.internal")).toBe(true);
    expect(isWithin("myshop.internal", "shop.internal")).toBe(false);
    expect(isWithin("api\\.shop.internal", "shop.internal")).toBe(false);
    expect(isWithin("api\\\\.shop.internal", "shop.internal")).toBe(true);
    expect(isWithin("internal", "shop.internal")).toBe(false);
    expect(isWithin("anything", "")).toBe(true);
  });
});

describe("ZoneDomain", () => {
  it("takes a domain of two labels at least, in any case, with or without the last period", () => {
    expect(ZoneDomain.parse("Corp.Internal.")).toBe("corp.internal");
    expect(Domain.parse("internal")).toBe("internal");
    for (const text of ["internal", ".", "", "a..b", "-a.b", "a b.c", `${"x".repeat(64)}.b`]) {
      expect(ZoneDomain.safeParse(text).success, text).toBe(false);
    }
  });
});
