import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHex } from "../../../../protocol/encoding.ts";
import { FairleadError, isErrorCode } from "../../../../protocol/errors.ts";
import { FrameDecoder } from "../../../../protocol/streams/frame-decoder.ts";
import {
  encodeAccept,
  encodeCredit,
  encodeData,
  encodeFin,
  encodeFrame,
  encodeGoaway,
  encodeHello,
  encodeOpen,
  encodeReset,
  FRAME,
  MAX_CONTROL,
  MAX_CREDIT,
  MAX_DATA,
  MAX_STREAM_ID,
  parseCredit,
  parseGoaway,
  parseHello,
  parseOpen,
  parseReset,
} from "../../../../protocol/streams/frames.ts";

const ascii = (text: string) => encodeHex(new TextEncoder().encode(text));
const hello = { versions: { min: 1, max: 1 }, window: 1_048_576, maxStreams: 16_384, software: "t" };

/** A decoded frame. */
type Seen = { type: number; stream: number; payload: string };

class Recorder {
  readonly seen: Seen[] = [];
  readonly #decoder: FrameDecoder;

  constructor() {
    this.#decoder = new FrameDecoder({
      frame: (type, stream, payload) => this.seen.push({ type, stream, payload: encodeHex(payload) }),
      data: (stream, piece) => {
        if (piece.length === 0) throw new Error("an empty piece");
        this.seen.push({ type: FRAME.data, stream, payload: encodeHex(piece) });
      },
    });
  }

  push(...chunks: Uint8Array[]): this {
    for (const chunk of chunks) this.#decoder.push(chunk);
    return this;
  }

  /** The frames, with the pieces of DATA that follow each other on a stream joined. */
  get joined(): Seen[] {
    const result: Seen[] = [];
    for (const frame of this.seen) {
      const last = result.at(-1);
      if (frame.type === FRAME.data && last?.type === FRAME.data && last.stream === frame.stream) {
        last.payload += frame.payload;
      } else result.push({ ...frame });
    }
    return result;
  }

  get atBoundary(): boolean {
    return this.#decoder.atBoundary;
  }
}

/** A plain decoder of whole input, to compare with. */
function decodeWhole(bytes: Uint8Array): Seen[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const seen: Seen[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const type = view.getUint8(at);
    const length = view.getUint32(at) & 0xff_ffff;
    const stream = view.getUint32(at + 4);
    if (type < 0x80) seen.push({ type, stream, payload: encodeHex(bytes.slice(at + 8, at + 8 + length)) });
    at += 8 + length;
  }
  return seen;
}

function joinSeen(seen: Seen[]): Seen[] {
  const recorder = new Recorder();
  recorder.seen.push(...seen);
  return recorder.joined;
}

function concat(chunks: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof FairleadError) return error.code;
    throw error;
  }
  return "fine";
}

describe("the encoders", () => {
  const error = new FairleadError("stream.cancelled", "gone");
  const body = '{"code":"stream.cancelled","message":"gone","action":"No action is needed."}';
  it.each([
    [
      "HELLO",
      encodeHello(hello),
      `0100005100000000${ascii('{"versions":{"min":1,"max":1},"window":1048576,"maxStreams":16384,"software":"t"}')}`,
    ],
    ["OPEN", encodeOpen(3, { service: "api" }), `0200001100000003${ascii('{"service":"api"}')}`],
    ["ACCEPT", encodeAccept(3), "0300000000000003"],
    ["DATA", encodeData(0x01020304, Uint8Array.of(0xca, 0xfe)), "0400000201020304cafe"],
    ["CREDIT", encodeCredit(2, 524_288), "050000040000000200080000"],
    [
      "the largest CREDIT on the largest id",
      encodeCredit(MAX_STREAM_ID, MAX_CREDIT),
      "05000004ffffffff7fffffff",
    ],
    ["FIN", encodeFin(5), "0600000000000005"],
    ["RESET", encodeReset(5, error), `0700004c00000005${ascii(body)}`],
    ["GOAWAY", encodeGoaway(error), `0800004c00000000${ascii(body)}`],
  ])("write %s with the specified bytes", (_, frame, hex) => {
    expect(encodeHex(frame)).toBe(hex);
  });

  it("write the largest DATA with its length in three bytes", () => {
    expect(encodeHex(encodeData(1, new Uint8Array(MAX_DATA)).subarray(0, 8))).toBe("0401000000000001");
  });

  it("cut the message of an error so that the frame stays within its limit", () => {
    const long = new FairleadError("stream.internal", '"\u0000ü'.repeat(100_000));
    expect(encodeReset(1, long).length).toBeLessThanOrEqual(MAX_CONTROL + 8);
    expect(parseReset(encodeReset(1, long).subarray(8)).code).toBe("stream.internal");
  });
});

const streamId = fc.integer({ min: 1, max: MAX_STREAM_ID });
const service = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/).filter((name) => name.length <= 63);
const anyFrame = fc.oneof(
  fc.record({ stream: streamId, service }).map(({ stream, service }) => encodeOpen(stream, { service })),
  streamId.map(encodeAccept),
  fc
    .tuple(streamId, fc.uint8Array({ minLength: 1, maxLength: 300 }))
    .map(([id, data]) => encodeData(id, data)),
  fc.tuple(streamId, fc.integer({ min: 1, max: MAX_CREDIT })).map(([id, n]) => encodeCredit(id, n)),
  streamId.map(encodeFin),
  fc
    .tuple(streamId, fc.string())
    .map(([id, text]) => encodeReset(id, new FairleadError("session.lost", text))),
  fc.string().map((text) => encodeGoaway(new FairleadError("session.closed", text))),
  fc.constant(encodeHello(hello)),
  // An extension, to be skipped.
  fc
    .tuple(
      fc.integer({ min: 0x80, max: 0xff }),
      fc.integer({ min: 0, max: 9 }),
      fc.uint8Array({ maxLength: 50 }),
    )
    .map(([type, id, payload]) => encodeFrame(type, id, payload)),
);

describe("the parsers", () => {
  it("read what the encoders wrote", () => {
    fc.assert(
      fc.property(service, fc.integer({ min: 1, max: MAX_CREDIT }), fc.string(), (name, bytes, text) => {
        expect(parseOpen(encodeOpen(1, { service: name }).subarray(8))).toEqual({ service: name });
        expect(parseCredit(encodeCredit(1, bytes).subarray(8))).toBe(bytes);
        const error = new FairleadError("service.refused", text);
        expect(parseReset(encodeReset(1, error).subarray(8))).toMatchObject({
          code: "service.refused",
          message: text.slice(0, 500).toWellFormed(),
        });
      }),
    );
    expect(parseHello(encodeHello(hello).subarray(8))).toEqual(hello);
  });

  it("ignore unknown fields in JSON and bytes behind a CREDIT", () => {
    const json = new TextEncoder().encode('{"service":"api","priority":3}');
    expect(parseOpen(json)).toEqual({ service: "api" });
    expect(parseCredit(Uint8Array.of(0, 0, 0, 9, 1, 2, 3))).toBe(9);
    expect(parseReset(new TextEncoder().encode('{"code":"new.code","message":"m"}')).code).toBe("new.code");
  });

  it("refuse payloads of another form with session.malformed", () => {
    const text = (value: string) => new TextEncoder().encode(value);
    for (const parse of [parseHello, parseOpen, parseReset, parseGoaway]) {
      for (const wrong of ["", "{", "null", "[]", "3", '"x"', "{}", '{"service":"API!"}', '{"code":3}']) {
        expect(codeOf(() => parse(text(wrong)))).toBe("session.malformed");
      }
      expect(codeOf(() => parse(Uint8Array.of(0x7b, 0xff, 0x7d)))).toBe("session.malformed");
    }
    for (const change of [
      { window: 0 },
      { window: 2 ** 31 },
      { maxStreams: -1 },
      { software: "x".repeat(101) },
    ]) {
      expect(codeOf(() => parseHello(text(JSON.stringify({ ...hello, ...change }))))).toBe(
        "session.malformed",
      );
    }
    expect(codeOf(() => parseCredit(Uint8Array.of(0, 0, 1)))).toBe("session.malformed");
    expect(codeOf(() => parseCredit(new Uint8Array(4)))).toBe("session.malformed");
  });
});

describe("FrameDecoder", () => {
  it("decodes the same frames as a plain decoder, however the input is cut", () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1 }),
        (frames, sizes) => {
          const all = concat(frames);
          const recorder = new Recorder();
          for (let at = 0, turn = 0; at < all.length; turn++) {
            const size = sizes[turn % sizes.length] ?? 1;
            // A copy that is overwritten afterwards: the decoder must not keep it.
            const chunk = all.slice(at, at + size);
            recorder.push(chunk);
            chunk.fill(0xee);
            at += size;
          }
          expect(recorder.joined).toEqual(joinSeen(decodeWhole(all)));
          expect(recorder.atBoundary).toBe(true);
        },
      ),
    );
  });

  it("decodes a sequence with every frame, cut at any byte", () => {
    const all = concat([
      encodeHello(hello),
      encodeOpen(1, { service: "api" }),
      encodeData(
        1,
        Uint8Array.from({ length: 40 }, (_, at) => at),
      ),
      encodeFrame(0x99, 0, new Uint8Array(20)),
      encodeAccept(2),
      encodeCredit(1, 70_000),
      encodeFrame(FRAME.fin, 1, Uint8Array.of(1, 2, 3)),
      encodeReset(1, new FairleadError("stream.cancelled")),
      encodeGoaway(new FairleadError("session.closed")),
    ]);
    const expected = joinSeen(decodeWhole(all));
    for (let at = 0; at <= all.length; at++) {
      expect(new Recorder().push(all.subarray(0, at), all.subarray(at)).joined).toEqual(expected);
    }
    const bytes = Array.from(all, (byte) => Uint8Array.of(byte));
    expect(new Recorder().push(...bytes).joined).toEqual(expected);
  });

  it("reports that truncated input ends inside a frame", () => {
    const frame = encodeOpen(1, { service: "api" });
    for (let length = 1; length < frame.length; length++) {
      const recorder = new Recorder().push(frame.subarray(0, length));
      expect(recorder.seen).toEqual([]);
      expect(recorder.atBoundary).toBe(false);
    }
  });

  it("delivers DATA as slices of the input", () => {
    const chunk = encodeData(1, new Uint8Array(1000));
    let piece: Uint8Array | null = null;
    new FrameDecoder({ frame: () => {}, data: (_, data) => (piece = data) }).push(chunk);
    expect((piece as Uint8Array | null)?.buffer).toBe(chunk.buffer);
  });

  it.each([
    [
      "an unknown type without the extension bit",
      encodeFrame(0x09, 1, new Uint8Array(1)),
      "session.malformed",
    ],
    ["type 0", encodeFrame(0, 0, new Uint8Array(0)), "session.malformed"],
    ["a HELLO on a stream", encodeFrame(FRAME.hello, 1, new Uint8Array(2)), "session.malformed"],
    ["a GOAWAY on a stream", encodeFrame(FRAME.goaway, 2, new Uint8Array(2)), "session.malformed"],
    ["DATA on stream 0", encodeFrame(FRAME.data, 0, new Uint8Array(2)), "session.malformed"],
    ["an OPEN on stream 0", encodeFrame(FRAME.open, 0, new Uint8Array(2)), "session.malformed"],
    ["an empty DATA", encodeFrame(FRAME.data, 1, new Uint8Array(0)), "session.malformed"],
    ["DATA above 64 KiB", Uint8Array.of(4, 1, 0, 1, 0, 0, 0, 1), "session.too_large"],
    ["an OPEN above 4 KiB", Uint8Array.of(2, 0, 0x10, 1, 0, 0, 0, 1), "session.too_large"],
    ["a FIN above 4 KiB", Uint8Array.of(6, 0, 0x10, 1, 0, 0, 0, 1), "session.too_large"],
    ["an extension above 64 KiB", Uint8Array.of(0x80, 0xff, 0xff, 0xff, 0, 0, 0, 1), "session.too_large"],
  ])("refuses %s as soon as its header arrived, and decodes nothing afterwards", (_, frame, code) => {
    const recorder = new Recorder();
    expect(codeOf(() => recorder.push(frame.subarray(0, 8)))).toBe(code);
    recorder.push(encodeFin(1));
    expect(recorder.seen).toEqual([]);
  });

  it("throws nothing but its two errors for any input", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 })), (chunks) => {
        const code = codeOf(() => new Recorder().push(...chunks));
        expect(["fine", "session.malformed", "session.too_large"]).toContain(code);
      }),
    );
    fc.assert(
      fc.property(anyFrame, fc.nat(), fc.integer({ min: 1, max: 255 }), (frame, at, flip) => {
        const corrupt = frame.slice();
        corrupt[at % corrupt.length] = (corrupt[at % corrupt.length] ?? 0) ^ flip;
        const code = codeOf(() => new Recorder().push(corrupt));
        expect(code === "fine" || isErrorCode(code)).toBe(true);
      }),
    );
  });
});
