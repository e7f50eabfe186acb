/**
 * Joins a stream of a session with a local connection. As with TCP, what came before a reset is delivered, in order, and
 * the reset behind it.
 */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { FairleadError } from "../../protocol/errors.ts";
import { pendingResets } from "../net/pending-resets.ts";
import { resetAfterFlush, resetSocket } from "./flushed-reset.ts";

type WriteDone = (error?: Error | null) => void;

/** A stream of a session, as far as the relay uses it. */
export interface RelayStream extends Duplex {
  /** Counts the bytes that wait in `local`, which the stream's peer made this process hold. */
  noteQueued(local: Duplex): void;
  /** Resets the stream with `error` once everything that was written to it has gone out. */
  resetAfterWrites(error: FairleadError): void;
}

/**
 * Copies both ways until both ends have finished; each direction ends by itself. When one end breaks or closes before
 * its end, the other end gets what was read from it and is destroyed: the stream with `stream.cancelled` or the
 * FairleadError of the local connection, a socket with a reset, so that no reader takes half an answer for a whole one.
 * When the stream ended for a reason of its own, such as a revocation, the socket is reset at once.
 * A socket must have been made with `allowHalfOpen: true`.
 */
export function joinStreams(local: Duplex, stream: RelayStream): void {
  const endLocal = (error: Error | null) => abandonLocal(local, error);
  const endStream = (error: Error | null) => {
    if (!stream.destroyed) stream.resetAfterWrites(reasonOf(error));
  };
  if (local instanceof Socket) readAfterBrokenWrite(local);
  watch(local, stream, endStream);
  watch(stream, local, endLocal);
  if (local.destroyed || stream.destroyed) return;
  // A stalled connection holds as much in its own queue as in the stream's window: both count.
  const note = () => stream.noteQueued(local);
  pump(local, stream, note);
  pump(stream, local, note);
}

/**
 * Does what `pipe` does, with a third of its memory: thousands of streams may be idle for hours. The chunks of one turn
 * of the event loop leave in one write.
 */
function pump(from: Duplex, to: Duplex, note: () => void): void {
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

/** Ends `to` with `end` when `from` breaks or closes before its end. */
function watch(from: Duplex, to: Duplex, end: (error: Error | null) => void): void {
  if (from.destroyed) {
    end(from.errored);
    return;
  }
  from.on("error", (error) => {
    passRest(from, to);
    end(error);
  });
  from.on("close", () => {
    if (from.readableEnded && from.writableFinished) return;
    passRest(from, to);
    end(from.errored);
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

/** Ends a local connection such that its other side can tell it from a proper end. */
export function abandonLocal(local: Duplex, error: Error | null = null): void {
  if (local.destroyed) return;
  const reason = reasonOf(error);
  if (!(local instanceof Socket)) local.destroy(reason);
  else if (reason.code === "stream.cancelled") resetAfterFlush(local);
  else resetSocket(local);
}

function reasonOf(error: Error | null): FairleadError {
  return error instanceof FairleadError ? error : new FairleadError("stream.cancelled", error?.message);
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
