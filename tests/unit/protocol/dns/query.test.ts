import { describe, expect, it } from "vitest";
import { RCODE } from "../../../../protocol/dns/constants.ts";
import { readQuery } from "../../../../protocol/dns/query.ts";
import { opt, queryFor } from "../../../support/dns/messages.ts";

/** A copy of `bytes` with changed bytes. */
function patched(bytes: Uint8Array, changes: Readonly<Record<number, number>>): Uint8Array {
  const copy = new Uint8Array(bytes);
  for (const [at, value] of Object.entries(changes)) copy[Number(at)] = value;
  return copy;
}

const PLAIN = queryFor("api.shop.internal");
const refusal = (bytes: Uint8Array) => readQuery(bytes)?.refusal;

describe("readQuery", () => {
  it("reads the question in lower case, the id, and the flags that an answer repeats", () => {
    expect(readQuery(queryFor("API.Shop.internal", "AAAA"))).toEqual({
      id: 4711,
      flags: 0x0100,
      question: { name: "api.shop.internal", type: 28, class: 1, end: PLAIN.length },
      edns: null,
      refusal: null,
    });
  });

  it("gives no answer to an answer, or to fewer bytes than a header", () => {
    expect(readQuery(patched(PLAIN, { 2: 0x81 }))).toBeNull();
    expect(readQuery(PLAIN.subarray(0, 11))).toBeNull();
  });

  it.each([0, 2])("refuses %i questions with FORMERR", (count) => {
    expect(refusal(patched(PLAIN, { 5: count }))).toBe(RCODE.FORMERR);
  });

  it("refuses other opcodes with NOTIMP, without repeating anything", () => {
    expect(readQuery(patched(PLAIN, { 2: 0x79 }))).toMatchObject({ refusal: RCODE.NOTIMP, question: null });
    expect(refusal(patched(PLAIN, { 2: 0x28 }))).toBe(RCODE.NOTIMP);
  });

  it("refuses other classes and zone transfers", () => {
    expect(
      refusal(
        queryFor("version.bind", "TXT", { questions: [{ name: "version.bind", type: "TXT", class: "CH" }] }),
      ),
    ).toBe(RCODE.REFUSED);
    expect(refusal(queryFor("shop.internal", "AXFR"))).toBe(RCODE.REFUSED);
    expect(refusal(queryFor("shop.internal", "IXFR"))).toBe(RCODE.REFUSED);
  });

  it.each([
    ["a name that is cut off", PLAIN.subarray(0, 20)],
    ["a question without its class", PLAIN.subarray(0, PLAIN.length - 2)],
    ["a pointer in the question", patched(PLAIN, { 12: 0xc0, 13: 12 })],
    ["a label of a reserved type", patched(PLAIN, { 12: 0x80 })],
    ["bytes behind the last record", Buffer.concat([PLAIN, Buffer.from([0])])],
    ["a record that is missing", patched(PLAIN, { 11: 1 })],
    ["an answer in a query", patched(PLAIN, { 7: 1 })],
    ["two OPT records", queryFor("a.shop.internal", "A", { additionals: [opt(), opt()] })],
    ["a question for OPT", queryFor("a.shop.internal", "OPT")],
  ])("refuses %s with FORMERR", (_, bytes) => {
    expect(refusal(bytes)).toBe(RCODE.FORMERR);
  });

  it("refuses options that are longer than their record", () => {
    const bytes = queryFor("a.shop.internal", "A", {
      additionals: [opt({ options: [{ code: 10, data: Buffer.alloc(8) }] })],
    });
    expect(refusal(bytes)).toBeNull();
    expect(refusal(patched(bytes, { [bytes.length - 9]: 9 }))).toBe(RCODE.FORMERR);
  });

  it("ignores cookies and other options", () => {
    const options = [
      { code: 10, data: Buffer.alloc(8) },
      { code: 65_001, data: Buffer.alloc(3) },
    ];
    expect(readQuery(queryFor("a.shop.internal", "A", { additionals: [opt({ options })] }))).toMatchObject({
      edns: { udpBytes: 4096, wantsDnssec: false },
      refusal: null,
    });
  });

  it("takes a UDP size below 512 for 512", () => {
    expect(
      readQuery(queryFor("a.b.c", "A", { additionals: [opt({ udpPayloadSize: 12 })] }))?.edns?.udpBytes,
    ).toBe(512);
  });

  it("asks for EDNS version 0 with BADVERS", () => {
    expect(refusal(queryFor("a.b.c", "A", { additionals: [opt({ ednsVersion: 1 })] }))).toBe(RCODE.BADVERS);
  });
});
