/**
 * A lane over a WebSocket of the `ws` package, with backpressure in both directions.
 *
 * Binary messages do not pass through `ws`: the lane reads and writes them on the connection under it. Its
 * stream, queue and events for each message took a tenth of a connector's time (docs/performance.md). `ws`
 * keeps everything else: the opening and closing handshakes, text, pings, and frames that break the rules.
 */
import { WebSocket } from "ws";
import { type Lane, type LaneEvents, MAX_LANE_MESSAGE } from "../../protocol/carrier/index.ts";
import { FairleadError, isErrorCode } from "../../protocol/errors.ts";
import { closeCodeFor } from "../../protocol/uplink/messages.ts";
import { type TakenConnection, takeConnection } from "./websocket-connection.ts";
import { binaryFrame } from "./websocket-frame.ts";
import { WebSocketReader } from "./websocket-reader.ts";

/** Unsent bytes at which `send` returns false. More than a connection's high water mark, or no "drain" follows. */
const SEND_LIMIT = 256 * 1024;

/** Time for the peer to answer the close before the connection is terminated, ms. */
const CLOSE_MS = 2000;

export class WebSocketLane implements Lane {
  readonly #socket: WebSocket;
  readonly #events: LaneEvents;
  /** Null before the WebSocket is open, and if `ws` does not let go of its connection. */
  #taken: TakenConnection | null = null;
  #waiting = false;
  #isOver = false;
  /** The error that `ws` reported before the close. */
  #error: FairleadError | null = null;
  /** One function for all messages saves a closure per message. */
  readonly #drained = (): void => {
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
    socket.on("message", (data, binary) => this.#message(data, binary));
    socket.on("error", (error) => this.#failed(error));
    socket.on("close", (code, reason) => this.#closed(code, reason.toString()));
    if (socket.readyState === WebSocket.CONNECTING) {
      socket.once("open", () => {
        this.#takeConnection();
        events.opened();
      });
    } else if (socket.readyState === WebSocket.OPEN) {
      this.#takeConnection();
      queueMicrotask(() => {
        socket.resume();
        events.opened();
      });
    } else queueMicrotask(() => this.#closed(1006, ""));
  }

  #takeConnection(): void {
    const reader = new WebSocketReader(
      {
        message: (message) => this.#events.bytes(message),
        frame: (bytes) => taken?.parse(bytes),
        rest: (bytes) => {
          taken?.release();
          taken?.parse(bytes);
        },
      },
      MAX_LANE_MESSAGE,
    );
    const taken = takeConnection(this.#socket, (bytes) => reader.push(bytes));
    taken?.connection.on("drain", this.#drained);
    this.#taken = taken;
  }

  sendText(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text, this.#drained);
  }

  send(pieces: readonly Uint8Array[]): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN) return true;
    if (this.#taken === null) this.#socket.send(Buffer.concat(pieces), this.#drained);
    else this.#taken.connection.write(binaryFrame(pieces));
    this.#waiting ||= this.#socket.bufferedAmount >= SEND_LIMIT;
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
