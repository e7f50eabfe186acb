/**
 * A lane over a WebSocket of the `ws` package: messages both ways, with backpressure both ways.
 */
import { type ClientOptions, WebSocket } from "ws";
import { type Lane, type LaneEvents, MAX_LANE_MESSAGE } from "../../protocol/carrier.ts";
import { FairleadError, isErrorCode } from "../../protocol/errors.ts";
import { closeCodeFor } from "../../protocol/messages.ts";

/** Unsent bytes at which `send` asks to wait. */
const SEND_LIMIT = 256 * 1024;

/** Time for the other side to answer our close before the connection is cut, in ms. */
const CLOSE_MS = 2000;

/** How a lane's WebSocket must be dialled. */
export const LANE_SOCKET_OPTIONS: ClientOptions = {
  // The bytes are ciphertext: they do not compress.
  perMessageDeflate: false,
  // They are inside TLS twice over, so masking guards nothing; `ws` skips the work when the key is zero.
  generateMask: (mask) => {
    mask.fill(0);
  },
  maxPayload: MAX_LANE_MESSAGE,
};

/** @see Lane */
export class WebSocketLane implements Lane {
  readonly #socket: WebSocket;
  readonly #events: LaneEvents;
  #waiting = false;
  #over = false;
  /** Why it ended, when `ws` said so before closing. */
  #error: FairleadError | null = null;
  /** One function for every message: a closure each would cost. */
  readonly #sent = (): void => {
    if (!this.#waiting || this.#socket.bufferedAmount >= SEND_LIMIT / 2) return;
    this.#waiting = false;
    if (!this.#over) this.#events.drained();
  };

  /**
   * Takes over a socket that is still opening, or that was paused in its "open" event: an open socket that
   * flows may have dropped its first message before a promise got here.
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

  send(message: Uint8Array): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN) return true;
    this.#socket.send(message, this.#sent);
    this.#waiting = this.#socket.bufferedAmount >= SEND_LIMIT;
    return !this.#waiting;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(error?: FairleadError): void {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    // A paused socket never reads the other side's close.
    this.#socket.resume();
    if (error === undefined) this.#socket.close(1000);
    else this.#socket.close(closeCodeFor(error.entry.status), error.code);
    const timer = setTimeout(() => this.#socket.terminate(), CLOSE_MS);
    timer.unref();
    this.#socket.once("close", () => clearTimeout(timer));
  }

  #message(data: WebSocket.RawData, binary: boolean): void {
    if (!Buffer.isBuffer(data)) return;
    if (binary) this.#events.bytes(data);
    else this.#events.text(data.toString());
  }

  #failed(cause: Error & { code?: string }): void {
    if (cause.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") {
      this.#error ??= new FairleadError("session.too_large", "a message on the lane is too large", { cause });
    } else if (cause.code?.startsWith("WS_ERR_")) {
      this.#error ??= new FairleadError("session.malformed", `the lane: ${cause.message}`, { cause });
    } else {
      this.#error ??= new FairleadError("session.lost", `the lane failed: ${cause.message}`, { cause });
    }
  }

  #closed(code: number, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#error !== null) this.#events.closed(this.#error);
    else if (code === 1000) this.#events.closed(null);
    else if (isErrorCode(reason)) {
      this.#events.closed(new FairleadError(reason, `the other side ended the lane: ${reason}`));
    } else this.#events.closed(new FairleadError("session.lost", `the lane ended (${code})`));
  }
}
