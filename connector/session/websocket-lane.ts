/** A lane over a WebSocket of the `ws` package, with backpressure in both directions. */
import { Duplex } from "node:stream";
import { WebSocket } from "ws";
import type { Lane, LaneEvents } from "../../protocol/carrier/index.ts";
import { FairleadError, isErrorCode } from "../../protocol/errors.ts";
import { closeCodeFor } from "../../protocol/uplink/messages.ts";

/** Unsent bytes at which `send` returns false. */
const SEND_LIMIT = 256 * 1024;

/**
 * Pieces of messages up to this size are copied together: a short copy costs less than a second write. Bytes.
 */
const JOIN_BELOW = 4096;

/** Time for the peer to answer the close before the connection is terminated, ms. */
const CLOSE_MS = 2000;

/** The connection under a WebSocket; null if `ws` no longer keeps it in `_socket` (8.23 does). */
function connectionUnder(socket: WebSocket): Duplex | null {
  const { _socket: connection } = socket as unknown as { _socket?: unknown };
  return connection instanceof Duplex ? connection : null;
}

/** The header of a final binary frame with a mask of zeros (RFC 6455 §5.2). */
function frameHeader(size: number): Buffer {
  const large = size >= 0x1_0000;
  const header = Buffer.alloc(large ? 14 : 8);
  header[0] = 0x82;
  header[1] = 0x80 | (large ? 127 : 126);
  if (large) header.writeUIntBE(size, 4, 6);
  else header.writeUInt16BE(size, 2);
  return header;
}

export class WebSocketLane implements Lane {
  readonly #socket: WebSocket;
  readonly #events: LaneEvents;
  #waiting = false;
  #isOver = false;
  /** The error that `ws` reported before the close. */
  #error: FairleadError | null = null;
  /** One function for all messages saves a closure per message. */
  readonly #sent = (): void => {
    if (!this.#waiting || this.#socket.bufferedAmount >= SEND_LIMIT / 2) return;
    this.#waiting = false;
    if (!this.#isOver) this.#events.drained();
  };

  /**
   * Takes over a socket that is still opening, or that was paused in its "open" event. An open socket that
   * was not paused may have dropped its first message.
   */
  constructor(socket: WebSocket, events: LaneEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.binaryType = "nodebuffer";
    socket.on("open", () => events.opened());
    socket.on("message", (data, binary) => this.#message(data, binary));
    socket.on("error", (error) => this.#failed(error));
    socket.on("close", (code, reason) => this.#closed(code, reason.toString()));
    if (socket.readyState === WebSocket.OPEN) {
      queueMicrotask(() => {
        socket.resume();
        events.opened();
      });
    }
    if (socket.readyState >= WebSocket.CLOSING) queueMicrotask(() => this.#closed(1006, ""));
  }

  sendText(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text, this.#sent);
  }

  send(pieces: readonly Uint8Array[]): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN) return true;
    const [first] = pieces;
    if (pieces.length === 1 && first !== undefined) this.#socket.send(first, this.#sent);
    else this.#sendPieces(pieces);
    this.#waiting ||= this.#socket.bufferedAmount >= SEND_LIMIT;
    return !this.#waiting;
  }

  /**
   * Sends one message from several pieces without a copy: writes the frame header and the pieces to the
   * connection under `ws`. `ws` itself (8.23) copies the pieces or sends each as a fragment.
   */
  #sendPieces(pieces: readonly Uint8Array[]): void {
    let size = 0;
    for (const piece of pieces) size += piece.length;
    const connection = connectionUnder(this.#socket);
    if (size <= JOIN_BELOW || connection === null) {
      this.#socket.send(Buffer.concat(pieces, size), this.#sent);
      return;
    }
    connection.cork();
    connection.write(frameHeader(size));
    const last = pieces.length - 1;
    for (const [at, piece] of pieces.entries()) connection.write(piece, at === last ? this.#sent : undefined);
    connection.uncork();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(error?: FairleadError): void {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    // A paused socket never reads the peer's close.
    this.#socket.resume();
    if (error === undefined) this.#socket.close(1000);
    else this.#socket.close(closeCodeFor(error.entry.status), error.code);
    const timer = setTimeout(() => this.#socket.terminate(), CLOSE_MS);
    timer.unref();
    this.#socket.once("close", () => clearTimeout(timer));
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #message(data: WebSocket.RawData, binary: boolean): void {
    if (!Buffer.isBuffer(data)) return;
    if (binary) this.#events.bytes(data);
    else this.#events.text(data.toString());
  }

  #failed(cause: Error & { code?: string }): void {
    if (cause.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") {
      this.#error ??= new FairleadError("session.too_large", "A message on the lane is too large.", {
        cause,
      });
    } else if (cause.code?.startsWith("WS_ERR_")) {
      this.#error ??= new FairleadError(
        "session.malformed",
        `The lane received an invalid frame: ${cause.message}.`,
        { cause },
      );
    } else {
      this.#error ??= new FairleadError("session.lost", `The lane failed: ${cause.message}.`, { cause });
    }
  }

  #closed(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#error !== null) this.#events.closed(this.#error);
    else if (code === 1000) this.#events.closed(null);
    else if (isErrorCode(reason)) {
      this.#events.closed(new FairleadError(reason, `The peer ended the lane with ${reason}.`));
    } else
      this.#events.closed(
        new FairleadError("session.lost", `The lane ended with WebSocket close code ${code}.`),
      );
  }
}
