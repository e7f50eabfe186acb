/**
 * Joins a stream of a session with a local connection. As with TCP, what came before a reset is delivered, in order, and
 * the reset behind it.
 */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { FairleadError } from "../../protocol/errors.ts";
import { SessionStream } from "../session/session-stream.ts";
import { resetAfterFlush, resetSocket } from "./flushed-reset.ts";
import { pendingResets } from "./pending-resets.ts";

type WriteDone = (error?: Error | null) => void;

/**
 * Copies both ways until both ends have finished, each direction ending by itself. When one of them breaks or
 * is closed before its end, the other gets what was read from it and is destroyed: a session stream with
 * `stream.cancelled` or the FairleadError it was given, a TCP socket with a reset, so that nobody takes half an answer
 * for a whole one. A stream that was ended for a reason of its own, such as a revocation, is reset at once.
 * Sockets must have been made with `allowHalfOpen: true`.
 */
export function joinStreams(left: Duplex, right: Duplex): void {
  watch(left, right);
  watch(right, left);
  if (left.destroyed || right.destroyed) return;
  pump(left, right);
  pump(right, left);
}

/**
 * What `pipe` does, with a third of its memory: there may be thousands of streams that do nothing for hours. What
 * comes in one turn of the event loop leaves in one write.
 */
function pump(from: Duplex, to: Duplex): void {
  // A stalled target holds as much in its own queue as in the stream's window: it counts as well.
  const note = (): void => {
    if (from instanceof SessionStream) from.noteQueued(to);
    else if (to instanceof SessionStream) to.noteQueued(from);
  };
  from.on("data", (chunk: Buffer) => {
    if (to.destroyed) return;
    if (to.writableCorked === 0) {
      to.cork();
      setImmediate(uncork, to);
    }
    if (!to.write(chunk, note)) from.pause();
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

function uncork(stream: Duplex): void {
  stream.uncork();
}

function watch(from: Duplex, to: Duplex): void {
  if (from.destroyed) {
    abandon(to, from.errored);
    return;
  }
  if (from instanceof Socket) readAfterBrokenWrite(from);
  from.on("error", (error) => {
    passRest(from, to);
    abandon(to, error);
  });
  from.on("close", () => {
    if (from.readableEnded && from.writableFinished) return;
    passRest(from, to);
    abandon(to, from.errored);
  });
}

/** Passes on what was read from a connection that failed, and not passed on because the other side was slow. */
function passRest(from: Duplex, to: Duplex): void {
  if (!(from instanceof Socket) || to.destroyed || to.writableEnded) return;
  for (;;) {
    const chunk: Buffer | null = from.read();
    if (chunk === null) return;
    to.write(chunk);
  }
}

/** Ends a connection such that its other side can tell it from a proper end. */
export function abandon(stream: Duplex, error: Error | null = null): void {
  if (stream.destroyed) return;
  const reason =
    error instanceof FairleadError ? error : new FairleadError("stream.cancelled", error?.message);
  if (stream instanceof Socket) {
    if (reason.code === "stream.cancelled") resetAfterFlush(stream);
    else resetSocket(stream);
  } else if (stream instanceof SessionStream) stream.resetAfterWrites(reason);
  else stream.destroy(reason);
}

// ---- a socket that cannot be written to any more ----------------------------------------------------------

/** Why writing to a socket failed that is still being read. */
const BROKEN = Symbol("broken");

type BreakableSocket = Socket & { [BROKEN]?: NodeJS.ErrnoException };

/**
 * Makes a socket that cannot be written to go on reading to its end. Node would close it, and with it lose what the peer
 * said before it reset: an answer to a request that is still being sent, say. It fails once that was read.
 */
function readAfterBrokenWrite(socket: Socket): void {
  socket._write = writeOrBreak;
  socket._writev = writevOrBreak;
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
  const over = pendingResets.add({
    bytes: socket.readableLength,
    progress: () => socket.bytesRead + socket.readableLength,
    reset: fail,
  });
  if (over === null) {
    done(error);
    return;
  }
  socket.once("end", fail);
  socket.once("close", over);
  // Nothing more is written; what is read goes on.
  done();
}

/**
 * Whether the end of what a socket's peer said is a reset. Linux tells it once, and writing may have been told: then
 * reading just ends. Writing is told EPIPE instead when the peer had finished properly before it reset.
 */
function wasReset(from: Duplex): boolean {
  const error = (from as Partial<BreakableSocket>)[BROKEN];
  return error !== undefined && !(error.code === "EPIPE" && process.platform === "linux");
}
