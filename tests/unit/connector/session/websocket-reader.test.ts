import { describe, expect, it } from "vitest";
import * as ws from "ws";
import { WebSocketReader } from "../../../../connector/session/websocket-reader.ts";
import { MAX_LANE_MESSAGE } from "../../../../protocol/carrier/index.ts";
import { seeds, withSeed } from "../../protocol/carrier/simulation.ts";
import { random } from "../../protocol/streams/multiplexer-pair.ts";
import { FRAME, serverFrame } from "./server-frames.ts";

type Event = readonly ["message" | "frame" | "rest", Buffer];

/** What a reader makes of chunks. It gets none behind the rest. */
function read(...chunks: Buffer[]): Event[] {
  const events: Event[] = [];
  const add = (name: Event[0]) => (bytes: Buffer) => void events.push([name, Buffer.from(bytes)]);
  const reader = new WebSocketReader(
    { message: add("message"), frame: add("frame"), rest: add("rest") },
    MAX_LANE_MESSAGE,
  );
  for (const chunk of chunks) if (events.at(-1)?.[0] !== "rest") reader.push(chunk);
  return events;
}

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const each = (bytes: Buffer) => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));

describe("WebSocketReader", () => {
  it.each([
    ["a text", hex("81 05 48 65 6c 6c 6f")],
    ["a ping", hex("89 05 48 65 6c 6c 6f")],
    ["a pong", hex("8a 05 48 65 6c 6c 6f")],
    ["a ping without a payload", hex("89 00")],
    ["a text of 64 KiB", serverFrame(FRAME.text, "x".repeat(MAX_LANE_MESSAGE))],
  ])("leaves %s to the other implementation and goes on behind it", (_, frame) => {
    const message = serverFrame(FRAME.binary, "next");
    expect(read(Buffer.concat([frame, message]))).toEqual([
      ["frame", frame],
      ["message", Buffer.from("next")],
    ]);
  });

  it.each([
    ["a masked frame (RFC 6455 §5.7)", hex("81 85 37 fa 21 3d 7f 9f 4d 51 58")],
    ["a fragment (RFC 6455 §5.7)", hex("01 03 48 65 6c 80 02 6c 6f")],
    ["a fragment of a binary message", hex("02 01 00")],
    ["a continuation", hex("80 01 00")],
    ["a close", hex("88 02 03 e8")],
    ["reserved bits", hex("c2 01 00")],
    ["a reserved opcode", hex("83 01 00")],
    ["a reserved control opcode", hex("8b 01 00")],
    ["a fragmented ping", hex("09 01 00")],
    ["a ping whose length is longer than it must be", serverFrame(FRAME.ping, "ping", 16)],
    ["a ping of 126 bytes", serverFrame(FRAME.ping, Buffer.alloc(126))],
    ["a message that is too long", serverFrame(FRAME.binary, Buffer.alloc(MAX_LANE_MESSAGE + 1))],
    ["a length of 2^63", hex("82 7f 80 00 00 00 00 00 00 00 00")],
  ])("leaves everything from %s on to the other implementation", (_, bytes) => {
    const rest = Buffer.concat([bytes, serverFrame(FRAME.binary, "next")]);
    expect(read(Buffer.concat([serverFrame(FRAME.binary, "first"), rest]))).toEqual([
      ["message", Buffer.from("first")],
      ["rest", rest],
    ]);
  });

  it("reads messages of every length, whole, cut anywhere, and with lengths that are longer than they must be", () => {
    for (const length of [0, 1, 125, 126, 256, 65_535, 65_536]) {
      const message = Buffer.alloc(length, "abc");
      for (const width of [7, 16, 64] as const) {
        if ((width === 7 && length > 125) || (width === 16 && length > 65_535)) continue;
        const frame = serverFrame(FRAME.binary, message, width);
        const twice = Buffer.concat([frame, frame]);
        const expected = [
          ["message", message],
          ["message", message],
        ];
        expect(read(twice)).toEqual(expected);
        for (const at of [1, 2, 3, 4, 9, 10, 11, frame.length - 1, frame.length + 1]) {
          if (at > 0) expect(read(twice.subarray(0, at), twice.subarray(at))).toEqual(expected);
        }
      }
    }
  });

  it("reads byte by byte", () => {
    const frames = [
      serverFrame(FRAME.binary, Buffer.alloc(300, "a")),
      serverFrame(FRAME.ping, "ping"),
      serverFrame(FRAME.binary, ""),
      serverFrame(FRAME.close, hex("03e8")),
    ];
    const events = read(...each(Buffer.concat(frames)));
    const joined = (name: Event[0]) => events.filter(([kind]) => kind === name).map(([, bytes]) => bytes);
    expect(joined("message")).toEqual([Buffer.alloc(300, "a"), Buffer.alloc(0)]);
    expect(Buffer.concat(joined("frame"))).toEqual(frames[1]);
    // The first bytes of a header do not tell yet whose it is.
    expect(joined("rest")).toEqual([hex("88 02")]);
  });

  it("copies no message that arrived in one piece, and keeps no chunk for the start of a header", () => {
    const chunk = Buffer.concat([serverFrame(FRAME.binary, "whole"), hex("82")]);
    let message: Buffer = Buffer.alloc(0);
    const reader = new WebSocketReader(
      {
        message: (bytes) => {
          message = bytes;
        },
        frame: () => {},
        rest: () => {},
      },
      MAX_LANE_MESSAGE,
    );
    reader.push(chunk);
    expect([message.buffer, message.toString()]).toEqual([chunk.buffer, "whole"]);
    chunk.fill(0);
    reader.push(hex("01 ff"));
    expect(message).toEqual(hex("ff"));
  });
});

/** The parser of `ws`, which its types leave out. */
interface Receiver extends NodeJS.WritableStream {
  destroyed: boolean;
}
const { Receiver } = ws as unknown as {
  Receiver: new (options: { maxPayload: number; binaryType: string }) => Receiver;
};

/** An event of a parser as a text: its name and payload, whose beginning tells which. */
const brief = (name: string, data: Buffer): string => `${name} ${data.length} ${data.toString("hex", 0, 8)}`;

/** The parser of `ws`, which notes its events as texts. */
function parser(events: string[]): Receiver {
  const receiver = new Receiver({ maxPayload: MAX_LANE_MESSAGE, binaryType: "nodebuffer" });
  receiver.on("message", (data: Buffer, binary: boolean) => {
    events.push(brief(binary ? "binary" : "text", data));
  });
  for (const name of ["ping", "pong"]) {
    receiver.on(name, (data: Buffer) => void events.push(brief(name, data)));
  }
  receiver.on("conclude", (code: number, reason: Buffer) => void events.push(`close ${code} ${reason}`));
  receiver.on("error", (error: Error & { code?: string }) => void events.push(`error ${error.code}`));
  return receiver;
}

/** Gives the bytes of a connection to a receiver as `ws` does: none behind its end. */
const give = (receiver: Receiver, bytes: Buffer): void => {
  if (receiver.writable) receiver.write(bytes);
};

/** Frames of all kinds, most of them valid. */
function traffic(next: (below: number) => number): Buffer {
  const frames: Buffer[] = [];
  for (let count = 1 + next(12); count > 0; count--) {
    const size = [next(4), next(130), next(1000), 65_530 + next(10)][next(16) === 0 ? 3 : next(3)] ?? 0;
    const first =
      next(3) > 0 ? FRAME.binary : ([...Object.values(FRAME), 0x01, 0x02, 0x00, 0x80][next(9)] ?? FRAME.text);
    const control = first >= FRAME.close;
    const payload =
      first === FRAME.close && next(4) > 0
        ? Buffer.concat([hex(["03e8", "0bb8", "03ed"][next(3)] ?? ""), Buffer.from("reason")])
        : Buffer.alloc(control ? Math.min(size, 126) : size, next(16) === 0 ? 0xff : "text");
    const frame = serverFrame(first, payload, next(8) === 0 ? 64 : undefined);
    if (next(24) === 0) frame[next(Math.min(4, frame.length))] = next(256);
    frames.push(frame);
  }
  return Buffer.concat(frames);
}

describe("WebSocketReader before the parser of ws", () => {
  it("yields the events of that parser alone, for valid and invalid frames that are cut anywhere", async () => {
    const outcomes = new Set<string>();
    for (const seed of seeds(3000)) {
      const next = random(seed);
      const wire = traffic(next);
      const chunks: Buffer[] = [];
      for (let at = 0; at < wire.length; ) {
        const to = at + 1 + next([3, 200, 70_000][next(3)] ?? 1);
        chunks.push(wire.subarray(at, to));
        at = to;
      }
      const [alone, behind]: [string[], string[]] = [[], []];
      const whole = parser(alone);
      for (const chunk of chunks) give(whole, Buffer.from(chunk));
      const other = parser(behind);
      let left = false;
      const reader = new WebSocketReader(
        {
          message: (message) => void behind.push(brief("binary", message)),
          frame: (bytes) => give(other, bytes),
          rest: (bytes) => {
            left = true;
            give(other, bytes);
          },
        },
        MAX_LANE_MESSAGE,
      );
      for (const chunk of chunks) {
        if (left) give(other, chunk);
        else reader.push(chunk);
      }
      // The parser reports errors in the next turn.
      await new Promise((resolve) => setImmediate(resolve));
      withSeed(seed, () => {
        const error = alone.at(-1)?.startsWith("error") ? alone.pop() : undefined;
        if (error !== undefined) {
          expect(behind.pop()).toBe(error);
          // What a text that is no UTF-8 is followed by in the same turn is still delivered.
          if (error === "error WS_ERR_INVALID_UTF8") behind.length = alone.length;
        }
        expect(behind).toEqual(alone);
        outcomes.add(error ?? alone.at(-1)?.split(" ")[0] ?? "nothing");
      });
    }
    // Every kind of frame comes last in one of them, and every error occurs.
    if (!process.env.FAIRLEAD_SEED) expect(outcomes.size).toBeGreaterThan(14);
  });
});
