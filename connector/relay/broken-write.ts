/**
 * Keeps a socket readable after writing to it has failed. Node closes such a socket, and with it loses what its peer had
 * sent before it reset the connection: the answer to a request that is still being sent, for example.
 */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pendingResets } from "../net/pending-resets.ts";

type WriteDone = (error?: Error | null) => void;

/** Why writing failed to a socket that is still being read. */
const BROKEN = Symbol("broken");

type BreakableSocket = Socket & { [BROKEN]?: NodeJS.ErrnoException };

/** From here on the socket is read to its end when a write fails. Then it fails with the error of that write. */
export function readAfterBrokenWrite(socket: Socket): void {
  socket._write = writeOrBreak;
  socket._writev = writevOrBreak;
}

/**
 * Whether the peer's bytes ended with a reset. Linux reports a reset once, to a read or to a write: after a
 * write, reading just ends. A write gets EPIPE instead when the peer had finished properly before the reset.
 */
export function wasReset(from: Duplex): boolean {
  const error = (from as Partial<BreakableSocket>)[BROKEN];
  return error !== undefined && !(error.code === "EPIPE" && process.platform === "linux");
}

function writeOrBreak(
  this: BreakableSocket,
  chunk: unknown,
  encoding: BufferEncoding,
  done: WriteDone,
): void {
  if (this[BROKEN] !== undefined) done();
  else Socket.prototype._write.call(this, chunk, encoding, (error) => written(this, error, done));
}

function writevOrBreak(
  this: BreakableSocket,
  chunks: { chunk: unknown; encoding: BufferEncoding }[],
  done: WriteDone,
): void {
  if (this[BROKEN] !== undefined) done();
  else Socket.prototype._writev?.call(this, chunks, (error) => written(this, error, done));
}

function written(socket: BreakableSocket, error: Error | null | undefined, done: WriteDone): void {
  if (!error || socket.destroyed || socket.readableEnded) {
    done(error);
    return;
  }
  socket[BROKEN] = error;
  const fail = () => void socket.destroy(error);
  const settled = pendingResets.add({
    bytes: socket.readableLength,
    progress: () => socket.bytesRead + socket.readableLength,
    reset: fail,
  });
  if (settled === null) {
    done(error);
    return;
  }
  socket.once("end", fail);
  socket.once("close", settled);
  // The write counts as done, so that Node continues to read.
  done();
}
