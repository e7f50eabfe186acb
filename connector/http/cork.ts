/** Gathers the writes of one turn of the event loop into one. */
import type { Writable } from "node:stream";
import { GATHER_FROM, type SendStream } from "../relay/pump.ts";

export function corkForTurn(stream: Writable): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(uncork, stream);
}

/**
 * Sends a piece of a message: a small one past the stream's queue, because the session gathers small pieces itself, and
 * a large one together with others of the turn. Returns false for backpressure until "drain"; the piece is still taken.
 */
export function sendPiece(stream: SendStream, bytes: Uint8Array): boolean {
  if (bytes.length < GATHER_FROM) return stream.send(bytes);
  corkForTurn(stream);
  return stream.write(bytes);
}

function uncork(stream: Writable): void {
  stream.uncork();
}
