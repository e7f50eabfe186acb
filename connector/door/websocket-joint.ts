/**
 * Joins two WebSockets of this connector: that to the edge, which the edge joins with the WebSocket of a door's
 * client, and that to a target. Messages pass in both directions with backpressure, and so do closes with their code
 * and reason. Pings are answered by the side that they reach.
 */
import { type ClientOptions, WebSocket } from "ws";
import { FairleadError } from "../../protocol/errors.ts";
import type { MemoryAccount } from "../../protocol/memory-budget.ts";
import type { TargetEvents, TargetExchange } from "../http/client/target-exchange.ts";
import type { Flow } from "../relay/flow.ts";
import { closePayload, FrameReader, isCloseCode, maskedFrame, OPCODE } from "./websocket-frames.ts";

/** Longest message in either direction, bytes. */
export const MAX_DOOR_MESSAGE = 4 * 1024 * 1024;
/** Options of the WebSocket to the edge. */
export const DOOR_SOCKET_OPTIONS: ClientOptions = {
  perMessageDeflate: false,
  // Inside TLS a mask protects nothing. `ws` skips the XOR, and the copy for it, when the key is zero.
  generateMask: (mask) => {
    mask.fill(0);
  },
  maxPayload: MAX_DOOR_MESSAGE,
};
/** Unsent bytes towards the edge from which on the target waits. */
const SEND_LIMIT = 256 * 1024;
/** How long a side may take to answer a close, ms. */
const CLOSE_MS = 2000;
/** Time between two pings towards the edge, ms: proxies on the path end silent connections. */
const PING_MS = 30_000;

/** Codes of a close (RFC 6455 §7.4). */
const CODE = { protocol: 1002, none: 1005, abnormal: 1006, tooLarge: 1009, tryLater: 1013 } as const;

export interface WebSocketJointOptions {
  readonly target: TargetExchange;
  readonly flow: Flow;
  /** Accounts for messages that wait for the target. */
  readonly memory: MemoryAccount;
  /** Both sides have ended; with the error that ended them, if it was none of theirs. Called once. */
  readonly ended: (error: FairleadError | null) => void;
}

export class WebSocketJoint implements TargetEvents {
  readonly #options: WebSocketJointOptions;
  readonly #reader: FrameReader;
  /** What the target sent before the edge's end was there. */
  #early: Uint8Array[] = [];
  #edge: WebSocket | null = null;
  #isEdgeFull = false;
  /** Bytes of messages that wait for the target. */
  #queued = 0;
  #isTargetFull = false;
  /** Whether a close was sent to the target, and whether the target closed. */
  #isClosing = false;
  #isTargetClosed = false;
  #isOver = false;
  #failure: FairleadError | null = null;
  #ping: NodeJS.Timeout | null = null;
  #closeTimer: NodeJS.Timeout | null = null;

  constructor(options: WebSocketJointOptions) {
    this.#options = options;
    this.#reader = new FrameReader(
      {
        piece: (bytes, isBinary, isLast) => this.#sendPiece(bytes, isBinary, isLast),
        ping: (payload) => this.#sendFrame(OPCODE.pong, Buffer.from(payload)),
        close: (code, reason) => this.#targetClosed(code, reason),
      },
      MAX_DOOR_MESSAGE,
    );
    // The edge's end is dialled now.
    options.target.pause();
  }

  /** Whether the joint has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Takes the edge's end, which is open and was paused in its "open" event. Messages pass from here on. */
  open(edge: WebSocket): void {
    if (this.#isOver || this.#isClosing) {
      edge.on("error", () => {});
      edge.terminate();
      return;
    }
    this.#edge = edge;
    edge.binaryType = "nodebuffer";
    edge.on("message", (data, isBinary) => {
      if (Buffer.isBuffer(data)) this.#sendMessage(data, isBinary);
    });
    edge.on("close", (code, reason) => this.#edgeClosed(code, reason.toString()));
    // A close event follows.
    edge.on("error", () => {});
    this.#ping = setInterval(() => {
      if (edge.readyState === WebSocket.OPEN) edge.ping();
    }, PING_MS).unref();
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) this.#read(bytes);
    if (!this.#isEdgeFull) this.#options.target.resume();
  }

  /** Closes both sides with a code, or without a close where it is 1006. */
  close(code: number, reason: string, error: FairleadError | null = null): void {
    if (this.#isOver) return;
    this.#failure ??= error;
    this.#closeEdge(code, reason);
    this.#closeTarget(code, reason);
  }

  // ---- the target (TargetEvents) ---------------------------------------------------------------------

  informational(): void {}
  head(): void {}

  content(bytes: Uint8Array): void {
    this.#options.flow.toClient.add(bytes.length);
    if (this.#edge === null) this.#early.push(bytes);
    else this.#read(bytes);
  }

  end(): void {
    this.#targetGone(null);
  }

  failed(error: FairleadError): void {
    this.#targetGone(error);
  }

  unwanted(): void {
    this.#targetGone(null);
  }

  drained(): void {
    if (!this.#isTargetFull) return;
    this.#isTargetFull = false;
    this.#release();
    this.#edge?.resume();
  }

  #read(bytes: Uint8Array): void {
    if (this.#isOver) return;
    try {
      this.#reader.push(bytes);
    } catch (thrown) {
      if (!(thrown instanceof FairleadError)) throw thrown;
      this.close(thrown.code === "exchange.too_large" ? CODE.tooLarge : CODE.protocol, thrown.code, thrown);
    }
  }

  #sendPiece(bytes: Uint8Array, isBinary: boolean, isLast: boolean): void {
    const edge = this.#edge;
    if (edge === null || edge.readyState !== WebSocket.OPEN) return;
    edge.send(bytes, { binary: isBinary, fin: isLast }, () => this.#edgeSent(edge));
    if (this.#isEdgeFull || edge.bufferedAmount < SEND_LIMIT) return;
    this.#isEdgeFull = true;
    this.#options.target.pause();
  }

  #edgeSent(edge: WebSocket): void {
    if (!this.#isEdgeFull || edge.bufferedAmount >= SEND_LIMIT / 2) return;
    this.#isEdgeFull = false;
    this.#options.target.resume();
  }

  /** The target has sent a close. */
  #targetClosed(code: number | null, reason: string): void {
    this.#isTargetClosed = true;
    if (!this.#isClosing) this.#closeEdge(code ?? CODE.none, reason);
    this.#closeTarget(code ?? CODE.none, reason);
  }

  /** The target's side has ended, with a close or without. */
  #targetGone(error: FairleadError | null): void {
    if (this.#isOver) return;
    if (!this.#isTargetClosed && !this.#isClosing) {
      this.#failure ??= error ?? new FairleadError("exchange.failed", "The target ended without a close.");
      this.#isClosing = true;
      this.#closeEdge(CODE.abnormal, "");
    }
    this.#isTargetClosed = true;
    this.#review();
  }

  // ---- the edge --------------------------------------------------------------------------------------

  #sendMessage(data: Buffer, isBinary: boolean): void {
    if (this.#isClosing) return;
    const { memory } = this.#options;
    if (memory.full) {
      this.close(CODE.tryLater, "service.overloaded", new FairleadError("service.overloaded"));
      return;
    }
    if (this.#sendFrame(isBinary ? OPCODE.binary : OPCODE.text, data)) return;
    this.#queued += data.length;
    memory.add(data.length);
    this.#isTargetFull = true;
    this.#edge?.pause();
  }

  /** The edge's side has closed. */
  #edgeClosed(code: number, reason: string): void {
    this.#edge = null;
    if (this.#ping !== null) clearInterval(this.#ping);
    if (!this.#isTargetClosed) this.#closeTarget(code, reason);
    this.#review();
  }

  #closeEdge(code: number, reason: string): void {
    const edge = this.#edge;
    if (edge === null) return;
    // A paused socket never reads the peer's close.
    edge.resume();
    if (code === CODE.none) edge.close();
    else if (isCloseCode(code)) edge.close(code, reason);
    else edge.terminate();
    this.#endLater();
  }

  // ---- towards the target ----------------------------------------------------------------------------

  /** Returns false for backpressure; the frame is still accepted. */
  #sendFrame(opcode: number, payload: Buffer): boolean {
    const { target, flow } = this.#options;
    const pieces = maskedFrame(opcode, payload);
    let more = true;
    target.cork();
    for (const piece of pieces) {
      flow.toTarget.add(piece.length);
      more = target.content(piece);
    }
    target.uncork();
    return more;
  }

  /** Closes the target's side, or answers its close. 1006 ends it such that the target does not take it for a close. */
  #closeTarget(code: number, reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const { target } = this.#options;
    target.resume();
    if (code !== CODE.none && !isCloseCode(code)) {
      this.#isTargetClosed = true;
      target.cancel();
      this.#review();
      return;
    }
    this.#sendFrame(OPCODE.close, closePayload(code === CODE.none ? null : code, reason));
    this.#endLater();
    this.#review();
  }

  // ---- the end ---------------------------------------------------------------------------------------

  /** Ends both sides where one does not answer a close. */
  #endLater(): void {
    this.#closeTimer ??= setTimeout(() => {
      this.#edge?.terminate();
      this.#isTargetClosed = true;
      this.#review();
    }, CLOSE_MS);
  }

  #review(): void {
    if (this.#isOver || this.#edge !== null || !this.#isTargetClosed) return;
    this.#isOver = true;
    if (this.#closeTimer !== null) clearTimeout(this.#closeTimer);
    if (this.#ping !== null) clearInterval(this.#ping);
    const { target, ended } = this.#options;
    this.#release();
    // The target gets the end of the connection after the close; one that does not end its side is reset.
    target.end([]);
    setTimeout(() => target.cancel(), CLOSE_MS).unref();
    ended(this.#failure);
  }

  #release(): void {
    this.#options.memory.add(-this.#queued);
    this.#queued = 0;
  }
}
