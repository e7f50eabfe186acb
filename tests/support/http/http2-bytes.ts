/** Frames of HTTP/2, and header blocks by nghttp2, which Node's client encodes with. */
import { connect as connectHttp2, type OutgoingHttpHeaders } from "node:http2";
import { Duplex } from "node:stream";

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  promise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const FLAG = { endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | string = "",
): Buffer {
  const body = Buffer.from(payload as string, "latin1");
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

/** A frame as it is in the bytes of one direction. */
export interface ReadFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function framesOf(bytes: Buffer): ReadFrame[] {
  const frames: ReadFrame[] = [];
  for (let at = 0; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const payload = bytes.subarray(at + 9, at + 9 + length);
    frames.push({
      ...{
        type: bytes.readUInt8(at + 3),
        flags: bytes.readUInt8(at + 4),
        stream: bytes.readUInt32BE(at + 5),
      },
      payload,
    });
    at += 9 + length;
  }
  return frames;
}

/**
 * Header blocks that nghttp2 encodes on one connection, one for each list of fields. Sensitive fields are never indexed.
 * The size of the dynamic table changes as a server's settings do that say `tables`.
 */
export async function encodeByNghttp2(
  lists: readonly OutgoingHttpHeaders[],
  tables: readonly number[] = [],
): Promise<Buffer[]> {
  const written: Buffer[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk);
      done();
    },
  });
  const session = connectHttp2("http://shop", { createConnection: () => socket });
  session.on("error", () => {});
  const settings = tables.map((size) => {
    const payload = Buffer.alloc(6);
    payload.writeUInt16BE(1, 0);
    payload.writeUInt32BE(size, 2);
    return frame(FRAME.settings, 0, 0, payload);
  });
  socket.push(Buffer.concat([frame(FRAME.settings, 0, 0), ...settings.slice(0, 1)]));
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  for (const [at, headers] of lists.entries()) {
    session.request(headers, { endStream: true }).on("error", () => {});
    while (blocksIn(Buffer.concat(written)).length <= at) await new Promise(setImmediate);
    const next = settings[at + 1];
    if (next === undefined) continue;
    const seen = new Promise((resolve) => session.once("remoteSettings", resolve));
    socket.push(next);
    await seen;
  }
  session.destroy();
  return blocksIn(Buffer.concat(written));
}

/** The header blocks in what a client has written, whose preface comes first. */
function blocksIn(bytes: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  let block: Buffer[] = [];
  for (const { type, flags, payload } of framesOf(bytes.subarray(24))) {
    if (type !== FRAME.headers && type !== FRAME.continuation) continue;
    const isPrioritised = type === FRAME.headers && (flags & FLAG.priority) !== 0;
    block.push(payload.subarray(isPrioritised ? 5 : 0));
    if ((flags & FLAG.endHeaders) === 0) continue;
    blocks.push(Buffer.concat(block));
    block = [];
  }
  return blocks;
}
