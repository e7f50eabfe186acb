import { describe, expect, it } from "vitest";
import { FairleadError } from "../../../../protocol/errors.ts";
import type { RequestHead } from "../../../../protocol/exchange/head.ts";
import { RequestEncoder, ResponseEncoder } from "../../../../protocol/exchange/message-encoder.ts";
import vectors from "../../../vectors/exchange.json" with { type: "json" };

const HEAD: RequestHead = { method: "GET", scheme: "http", authority: "a", path: "/", fields: [] };

function encodeHead(changes: Partial<RequestHead>): string {
  const pieces: Uint8Array[] = [];
  try {
    new RequestEncoder((piece) => pieces.push(piece)).head({ ...HEAD, ...changes }, true);
  } catch (error) {
    expect(pieces).toEqual([]);
    return error instanceof FairleadError ? error.code : String(error);
  }
  return Buffer.concat(pieces).toString("hex");
}

describe("an encoder of messages", () => {
  it.each(vectors.requests)("writes the vector of $about", (vector) => {
    const { about: _, hex, content = [], trailers = [], ...head } = vector;
    const pieces: Uint8Array[] = [];
    const encoder = new RequestEncoder((piece) => pieces.push(piece));
    encoder.head(head, content.length + trailers.length === 0);
    for (const piece of content) encoder.content(Buffer.from(piece, "hex"));
    if (!encoder.ended) encoder.end(trailers);
    expect(Buffer.concat(pieces).toString("hex")).toBe(hex);
  });

  it.each(vectors.responses)("writes the vector of $about", (vector) => {
    const { hex, status, fields, content = [], trailers = [], informational = [] } = vector;
    const pieces: Uint8Array[] = [];
    const encoder = new ResponseEncoder((piece) => pieces.push(piece));
    for (const head of informational) encoder.informational(head);
    encoder.head({ status, fields }, content.length + trailers.length === 0);
    for (const piece of content) encoder.content(Buffer.from(piece, "hex"));
    if (!encoder.ended) encoder.end(trailers);
    expect(Buffer.concat(pieces).toString("hex")).toBe(hex);
  });

  it("writes names in lower case and values without the blanks around them", () => {
    expect(encodeHead({ fields: ["X-Name", " \tvalue\t "] })).toBe(
      encodeHead({ fields: ["x-name", "value"] }),
    );
    expect(encodeHead({ fields: ["x", "\t \t"] })).toBe(encodeHead({ fields: ["x", ""] }));
  });

  it("refuses what no receiver takes, and emits nothing of it", () => {
    for (const fields of [
      ["a b", "c"],
      ["", "c"],
      ["ä", "c"],
      ["a", "b\nc"],
      ["a", "b\0"],
      ["a", "\u0141"],
    ]) {
      expect(encodeHead({ fields })).toBe("exchange.malformed");
    }
    expect(encodeHead({ method: "G ET" })).toBe("exchange.malformed");
    expect(encodeHead({ path: "/a b" })).toBe("exchange.malformed");
    expect(encodeHead({ path: `/${"a".repeat(16 * 1024)}` })).toBe("exchange.too_large");
    expect(encodeHead({ fields: ["a", "b".repeat(33 * 1024)] })).toBe("exchange.too_large");
    expect(encodeHead({ fields: Array.from({ length: 202 }, () => "a") })).toBe("exchange.too_large");
  });

  it("passes large content on without a copy, and drops empty content", () => {
    const pieces: Uint8Array[] = [];
    const encoder = new RequestEncoder((piece) => pieces.push(piece));
    const large = new Uint8Array(100_000);
    encoder.head(HEAD);
    encoder.content(large);
    encoder.content(new Uint8Array(0));
    expect(pieces).toHaveLength(3);
    expect(pieces[2]).toBe(large);
  });

  it("writes every head to bytes of its own", () => {
    const pieces: Uint8Array[] = [];
    for (let index = 0; index < 300; index++) {
      new RequestEncoder((piece) => pieces.push(piece)).head(
        { ...HEAD, fields: ["x", `${index}`.repeat(300)] },
        true,
      );
    }
    pieces.forEach((piece, index) => {
      expect(Buffer.from(piece).toString("latin1")).toContain(`${index}`.repeat(300));
    });
  });

  it("refuses parts in another order", () => {
    const encoder = new RequestEncoder(() => {});
    expect(() => encoder.content(new Uint8Array(1))).toThrow(FairleadError);
    encoder.head(HEAD, true);
    expect(() => encoder.end()).toThrow(FairleadError);
  });
});
