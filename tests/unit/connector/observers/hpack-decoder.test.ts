import { sensitiveHeaders } from "node:http2";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HpackDecoder } from "../../../../connector/observers/hpack-decoder.ts";
import { decodeHuffman } from "../../../../connector/observers/huffman.ts";
import { ObservationError } from "../../../../connector/observers/observation-error.ts";
import { encodeByNghttp2 } from "../../../support/http/http2-bytes.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

function decode(decoder: HpackDecoder, block: Uint8Array): [string, string][] {
  const fields: [string, string][] = [];
  decoder.decode(block, 0, block.length, (name, value) => fields.push([name, value]));
  return fields;
}

// RFC 7541, appendix C.
const C3 = [
  ["8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", 57],
  ["8286 84be 5808 6e6f 2d63 6163 6865", 110],
  ["8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", 164],
] as const;
const C4 = [
  ["8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", 57],
  ["8286 84be 5886 a8eb 1064 9cbf", 110],
  ["8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", 164],
] as const;
const REQUESTS = [
  [":method GET", ":path /", ":authority www.example.com"],
  [":method GET", ":path /", ":authority www.example.com"],
  [":method GET", ":path /index.html", ":authority www.example.com"],
];
const C5 = [
  [
    "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    222,
  ],
  ["4803 3330 37c1 c0bf", 222],
  [
    "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
    215,
  ],
] as const;
const C6 = [
  [
    "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
    222,
  ],
  ["4883 640e ffc1 c0bf", 222],
  [
    "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    215,
  ],
] as const;
const STATUSES = [[":status 302"], [":status 307"], [":status 200"]];

describe("HpackDecoder", () => {
  it.each([
    ["C.3, requests", C3, REQUESTS, 4096],
    ["C.4, requests with Huffman codes", C4, REQUESTS, 4096],
    ["C.5, responses", C5, STATUSES, 256],
    ["C.6, responses with Huffman codes", C6, STATUSES, 256],
  ])("decodes the examples of RFC 7541, %s", (_what, blocks, expected, table) => {
    const decoder = new HpackDecoder();
    if (table !== 4096) decode(decoder, hex("3fe1 01"));
    for (const [at, [block, size]] of blocks.entries()) {
      expect(decode(decoder, hex(block)).map((field) => field.join(" "))).toEqual(expected[at]);
      expect(decoder.table.size).toBe(size);
    }
  });

  it("follows nghttp2's encoder through any fields and table sizes", async () => {
    const name = fc.stringMatching(/^x-[a-z]{1,4}$/);
    const value = fc.stringMatching(/^[!-~]{1,60}$/);
    const headers = fc.record({
      method: fc.constantFrom("GET", "POST", "PATCH"),
      path: fc.stringMatching(/^\/[a-z0-9/._~-]{0,40}(\?[a-z=&]{1,9})?$/),
      authority: fc.constantFrom("shop.example", "a.example:8080", "b"),
      type: fc.constantFrom("application/grpc", "text/plain; charset=utf-8"),
      secret: fc.boolean(),
      others: fc.dictionary(name, value, { maxKeys: 6 }),
    });
    const table = fc.constantFrom(0, 64, 200, 4096, 16_384, 65_536);
    const cases = fc.record({
      lists: fc.array(headers, { minLength: 1, maxLength: 8 }),
      tables: fc.array(table, { maxLength: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ lists, tables }) => {
        const blocks = await encodeByNghttp2(
          lists.map(({ method, path, authority, type, secret, others }) => ({
            ":method": method,
            ":path": path,
            ":authority": authority,
            "content-type": type,
            ...others,
            ...(secret ? { authorization: "Bearer secret", [sensitiveHeaders]: ["authorization"] } : {}),
          })),
          tables,
        );
        expect(blocks).toHaveLength(lists.length);
        const decoder = new HpackDecoder();
        for (const [at, block] of blocks.entries()) {
          const { method, path, authority, type } = lists[at] ?? {};
          expect(Object.fromEntries(decode(decoder, block))).toEqual({
            ":method": method,
            ":path": path?.split("?")[0],
            ":authority": authority,
            "content-type": type,
          });
        }
      }),
      { numRuns: 150 },
    );
  });

  it("keeps entries by their full size, though it keeps no text of other fields and no query", () => {
    const decoder = new HpackDecoder();
    // Literals with indexing: cookie, and :path with a query.
    decode(
      decoder,
      Buffer.concat([hex("60 06"), Buffer.from("secret"), hex("44 0c"), Buffer.from("/a?token=abc")]),
    );
    expect(decoder.table).toEqual({ entries: 2, size: 6 + 6 + 32 + 5 + 12 + 32 });
    expect(decode(decoder, hex("be bf"))).toEqual([[":path", "/a"]]);
  });

  it("drops an entry that is larger than the table, and all others with it", () => {
    const decoder = new HpackDecoder();
    decode(decoder, hex("41 01 61"));
    expect(decoder.table.entries).toBe(1);
    decode(decoder, hex("3f 09 41 10 61616161616161616161616161616161"));
    expect(decoder.table).toEqual({ entries: 0, size: 0 });
  });

  it.each([
    ["an index of no entry", "be"],
    ["index zero", "80"],
    ["a name of no entry", "7f 00 01 61"],
    ["an integer that does not end", "ff ff ff ff ff ff ff 01"],
    ["an integer that is cut off", "ff"],
    ["a text that is cut off", "41 05 61"],
    ["a table update behind a field", "82 20"],
    ["a table of more than 64 KiB", "3f e2 ff 03"],
    ["a Huffman code with end-of-string", "41 84 ff ff ff ff"],
    ["a Huffman code with long padding", "41 82 07 ff"],
    ["a Huffman code with padding of zeros", "41 81 00"],
  ])("refuses %s", (_what, block) => {
    expect(() => decode(new HpackDecoder(), hex(block))).toThrow(ObservationError);
  });

  it("takes a table of 64 KiB", () => {
    expect(decode(new HpackDecoder(), hex("3f e1 ff 03 82"))).toEqual([[":method", "GET"]]);
  });

  it("bounds what a block can make it hold and return", () => {
    const decoder = new HpackDecoder();
    // A large entry, and a block that names it as often as fits.
    const long = Buffer.concat([hex("41 7f 81 1e"), Buffer.alloc(3968, "a")]);
    decode(decoder, long);
    expect(decoder.table.size).toBe(10 + 3968 + 32);
    const fields = decode(decoder, Buffer.alloc(64 * 1024, 0xbe));
    expect(new Set(fields.map(([, value]) => value.length))).toEqual(new Set([256]));
  });

  it("throws ObservationErrors alone, for any bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), (blocks) => {
        const decoder = new HpackDecoder();
        try {
          for (const block of blocks) decode(decoder, block);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ObservationError);
        }
        expect(decoder.table.size).toBeLessThanOrEqual(64 * 1024);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("decodeHuffman", () => {
  it("decodes every byte as nghttp2 encodes it", async () => {
    // Values of headers have no control characters; the other codes follow from the lengths.
    const text = Array.from({ length: 94 }, (_, at) => String.fromCharCode(at + 33)).join("");
    const [block] = await encodeByNghttp2([
      { ":path": `/${"a".repeat(200)}`, "content-type": `${"e".repeat(60)}${text}` },
    ]);
    const decoder = new HpackDecoder();
    expect(Object.fromEntries(decode(decoder, block ?? Buffer.alloc(0)))["content-type"]).toBe(
      `${"e".repeat(60)}${text}`,
    );
  });

  it("counts what it would decode", () => {
    const bytes = hex("f1e3 c2e5 f23a 6ba0 ab90 f4ff");
    const out = Buffer.alloc(20);
    expect(decodeHuffman(bytes, 0, bytes.length, null)).toBe(15);
    expect(decodeHuffman(bytes, 0, bytes.length, out)).toBe(15);
    expect(out.toString("latin1", 0, 15)).toBe("www.example.com");
    expect(decodeHuffman(bytes, 0, 0, null)).toBe(0);
  });
});
