import { describe, expect, it } from "vitest";
import {
  closePayload,
  FrameReader,
  maskedFrame,
  OPCODE,
} from "../../../../connector/door/websocket-frames.ts";

const MAX = 100_000;

/** What a reader gets from bytes, in pieces of `size` bytes. */
function read(bytes: Uint8Array, size = bytes.length): string[] {
  const seen: string[] = [];
  let message = "";
  const reader = new FrameReader(
    {
      piece: (piece, isBinary, isLast) => {
        message += Buffer.from(piece).toString("latin1");
        if (!isLast) return;
        seen.push(`${isBinary ? "binary" : "text"} ${message.length > 100 ? message.length : message}`);
        message = "";
      },
      ping: (payload) => seen.push(`ping ${Buffer.from(payload)}`),
      close: (code, reason) => seen.push(`close ${code} ${reason}`),
    },
    MAX,
  );
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
  return seen;
}

const bytes = (...parts: (readonly number[] | string | Uint8Array)[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string, "latin1")));

describe("the reader of a target's frames", () => {
  const all = bytes(
    bytes([0x81, 5], "Hello"),
    bytes([0x01, 3], "Hel", [0x89, 2], "hi", [0x80, 2], "lo"),
    bytes([0x82, 126, 1, 0], Buffer.alloc(256)),
    bytes([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], Buffer.alloc(65_536)),
    bytes([0x81, 0], [0x02, 0], [0x80, 0], [0x8a, 1], "x"),
    bytes([0x88, 6, 0x03, 0xe8], "done", "ignored"),
  );
  const expected = [
    ...["text Hello", "ping hi", "text Hello", "binary 256", "binary 65536", "text ", "binary "],
    "close 1000 done",
  ];

  it.each([1, 2, 3, 7, 1000, 100_000])(
    "reads messages, pings and the close in pieces of %i bytes",
    (size) => {
      expect(read(all, size)).toEqual(expected);
    },
  );

  it("reads a close without a code", () => {
    expect(read(bytes([0x88, 0]))).toEqual(["close null "]);
  });

  it.each([
    ["masks its frames", [0x81, 0x81, 0, 0, 0, 0, 0]],
    ["an extension", [0xc1, 0]],
    ["a control frame", [0x89, 126, 0, 126]],
    ["a control frame", [0x09, 0]],
    ["has no start", [0x80, 1, 0]],
    ["starts in another", [0x01, 0, 0x81, 0]],
    ["unknown opcode (3)", [0x83, 0]],
    ["unknown opcode (11)", [0x8b, 0]],
    ["is cut off", [0x88, 1, 3]],
    ["closes with the code 1005", [0x88, 2, 0x03, 0xed]],
    ["closes with the code 5000", [0x88, 2, 0x13, 0x88]],
    ["too large", [0x82, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa1]],
    ["too large", [0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ])("refuses a target with the reason: %s", (why, frame) => {
    expect(() => read(bytes(frame))).toThrow(why);
  });

  it("counts the frames of a message together against its limit", () => {
    const half = bytes([0x02, 126, 0xff, 0xff], Buffer.alloc(65_535));
    expect(() => read(bytes(half, [0x80, 126, 0xff, 0xff]))).toThrow("too large");
  });
});

describe("a frame to a target", () => {
  it.each([0, 1, 125, 126, 4096, 4097, 65_535, 65_536])("has its %i bytes behind a mask", (length) => {
    const payload = Buffer.alloc(length, "payload");
    const frame = Buffer.concat(maskedFrame(OPCODE.binary, Buffer.from(payload)));
    const size = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    expect([frame[0], (frame[1] ?? 0) & 0x80]).toEqual([0x82, 0x80]);
    const key = frame.subarray(size, size + 4);
    const plain = frame.subarray(size + 4).map((byte, at) => byte ^ (key[at % 4] ?? 0));
    expect(Buffer.compare(plain, payload)).toBe(0);
    // What a server would send for the same message.
    const unmasked = bytes([frame[0] ?? 0, (frame[1] ?? 0) & 0x7f], frame.subarray(2, size), plain);
    expect(read(unmasked)[0]).toMatch(/^binary/);
  });

  it("cuts the reason of a close off where a control frame ends", () => {
    expect(closePayload(1001, "x".repeat(200))).toHaveLength(125);
    expect(closePayload(null, "")).toHaveLength(0);
  });
});
