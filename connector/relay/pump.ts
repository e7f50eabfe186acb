/**
 * Copies the bytes of one direction between a local connection and a stream, and decides when they leave: small chunks
 * at the end of the read that brought them, large ones together with all others of the turn of the event loop.
 */
import type { Duplex } from "node:stream";
import { wasReset } from "./broken-write.ts";
import type { ByteCount, Flow } from "./flow.ts";

/**
 * From this size on, bytes wait for others of the same turn. Bulk gains a tenth from fewer, larger writes; a request
 * would lose a turn, which costs more than a write.
 */
export const GATHER_FROM = 8192;

/** Bytes in the queue of a local connection from which on the end of each write is reported. */
const REPORT_FROM = 4096;

/** A stream of a session that takes bytes past its queue. */
export interface SendStream extends Duplex {
  /**
   * Like `write`, but without the queue of the Duplex while it is empty, which small chunks do not need. Returns false
   * for backpressure until "drain".
   */
  send(bytes: Uint8Array): boolean;
}

/** One direction of a flow. */
export interface Direction {
  readonly flow: Flow;
  readonly count: ByteCount;
}

/**
 * Writes a chunk. Returns false for backpressure until "drain".
 *
 * @param note to be called once the queue of `to` has become shorter
 */
type Write<To> = (to: To, chunk: Buffer, note: () => void) => boolean;

/**
 * Copies from `from` to `to` until `from` ends, and ends `to` then. Does what `pipe` does, with a third of its memory:
 * thousands of streams may be idle for hours.
 *
 * @param write {@link sendToStream} or {@link writeToLocal}
 * @param note called after each change of a queue
 */
export function pump<To extends Duplex>(
  from: Duplex,
  to: To,
  write: Write<To>,
  { flow, count }: Direction,
  note: () => void,
): void {
  from.on("data", (chunk: Buffer) => {
    if (to.destroyed) return;
    count.add(chunk.length);
    flow.observe(chunk, count);
    if (!write(to, chunk, note)) from.pause();
    note();
  });
  to.on("drain", () => {
    note();
    from.resume();
  });
  from.on("end", () => {
    if (!wasReset(from)) to.end();
  });
  if (to.writableNeedDrain) from.pause();
  else from.resume();
}

/** Writes a chunk to a stream, whose session gathers the small ones of all its streams. */
export function sendToStream(stream: SendStream, chunk: Buffer, note: () => void): boolean {
  if (chunk.length < GATHER_FROM) return stream.send(chunk);
  if (stream.writableCorked === 0) {
    stream.cork();
    setImmediate(uncork, stream);
  }
  return stream.write(chunk, note);
}

/** Writes a chunk to a local connection. */
export function writeToLocal(local: Duplex, chunk: Buffer, note: () => void): boolean {
  if (local.writableCorked === 0) {
    local.cork();
    process.nextTick(endRead, local);
  }
  // A write without a callback costs Node no tick of its own.
  const isSmall = local.writableLength + chunk.length < REPORT_FROM;
  return local.write(chunk, isSmall ? undefined : note);
}

/** The read that brought the first bytes is over. */
function endRead(local: Duplex): void {
  if (local.writableLength < GATHER_FROM) local.uncork();
  else setImmediate(uncork, local);
}

function uncork(to: Duplex): void {
  to.uncork();
}
