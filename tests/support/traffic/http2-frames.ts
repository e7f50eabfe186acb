/** A server of HTTP/2 frames, written by hand: it does what Node's server never would. */
import type { Socket } from "node:net";
import { tcpServer } from "./sockets.ts";

export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  continuation: 9,
} as const;
export const END_STREAM = 1;
export const END_HEADERS = 4;

/** `:status: 200` of HPACK's static table. */
export const STATUS_200 = Buffer.from([0x88]);

const PREFACE = 24;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value, 4 * at);
  return bytes;
}

/** Starts a server for one test. `onFrame` gets each frame but those of SETTINGS, which it acknowledges. */
export async function frameServer(
  onFrame: (socket: Socket, frame: Frame) => void,
): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const { port } = await tcpServer((socket) => {
    connections++;
    let bytes = Buffer.alloc(0);
    let skip = PREFACE;
    socket.write(frame(FRAME.settings, 0, 0));
    socket.on("end", () => socket.end());
    socket.on("data", (piece: Buffer) => {
      bytes = Buffer.concat([bytes, piece]);
      if (skip > 0 && bytes.length >= skip) {
        bytes = bytes.subarray(skip);
        skip = 0;
      }
      while (skip === 0 && bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
        const length = bytes.readUIntBE(0, 3);
        const found = {
          type: bytes[3] ?? 0,
          flags: bytes[4] ?? 0,
          stream: bytes.readUInt32BE(5),
          payload: bytes.subarray(9, 9 + length),
        };
        bytes = bytes.subarray(9 + length);
        if (found.type !== FRAME.settings) onFrame(socket, found);
        else if (found.flags === 0) socket.write(frame(FRAME.settings, 1, 0));
      }
    });
  });
  return { port, connections: () => connections };
}
