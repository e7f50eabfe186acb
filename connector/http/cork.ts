/** Gathers the writes of one turn of the event loop into one. */
import type { Writable } from "node:stream";

export function corkForTurn(stream: Writable): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(uncork, stream);
}

function uncork(stream: Writable): void {
  stream.uncork();
}
