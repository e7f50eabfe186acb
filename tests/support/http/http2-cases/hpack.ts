/** h2spec's cases of HPACK: header blocks that cannot be decoded end the connection (RFC 9113 §4.3). */
import { connectionError } from "../http2-expectation.ts";
import { GET, type Http2Case, headers, hpackInteger } from "./http2-case.ts";

const refused = (number: string, title: string, block: Buffer): Http2Case => ({
  number: `hpack/${number}`,
  title: `Sends ${title}`,
  steps: [headers(block), connectionError("COMPRESSION_ERROR")],
  requests: 0,
});

const behind = (...bytes: readonly number[]) => Buffer.concat([GET, Buffer.from(bytes)]);

/** A literal without indexing whose name is `x-test`. */
const X_TEST = [0x00, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff];

/** The size of the dynamic table that a decoder has unless its settings say another. */
const TABLE_SIZE = 4096;

export const HPACK: readonly Http2Case[] = [
  refused("2.3.3/1", "an indexed header field representation with invalid index", behind(0xc6)),
  refused("2.3.3/2", "a literal header field representation with invalid index", behind(0x7f, 0x07, 0x00)),
  refused("4.2/1", "a dynamic table size update at the end of header block", behind(0x21)),
  refused(
    "5.2/1",
    "a Huffman-encoded string literal representation with padding longer than 7 bits",
    behind(...X_TEST, 0x84, 0x49, 0x50, 0x9f, 0xff),
  ),
  refused(
    "5.2/2",
    "a Huffman-encoded string literal representation padded by zero",
    behind(...X_TEST, 0x83, 0x49, 0x50, 0x90),
  ),
  refused(
    "5.2/3",
    "a Huffman-encoded string literal representation containing the EOS symbol",
    behind(...X_TEST, 0x87, 0xff, 0xff, 0xff, 0xfd, 0x25, 0x42, 0x7f),
  ),
  refused("6.1/1", "an indexed header field representation with index 0", behind(0x80)),
  refused(
    "6.3/1",
    "a dynamic table size update larger than the value of SETTINGS_HEADER_TABLE_SIZE",
    Buffer.concat([hpackInteger(0x20, 5, TABLE_SIZE + 1), GET]),
  ),
];
