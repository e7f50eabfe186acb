/**
 * One stream of a session: its state, its flow control in both directions, and what waits to be sent
 * (docs/protocol.md, "Frames"). The stream decides; the multiplexer writes.
 */
import { FairleadError } from "../errors.ts";
import { LEAST_WINDOW } from "../memory-budget.ts";
import { DEFAULT_KIND } from "../stream-kind.ts";
import { ReceiveWindow, SendCredit } from "./flow-control.ts";
import type { FrameBatch } from "./frame-batch.ts";
import { encodeReset, FRAME, type Open } from "./frames.ts";
import { SendQueue } from "./send-queue.ts";
import type { SessionWindow } from "./session-window.ts";
import { MAY_RECEIVE, MAY_SEND, nextState, type StreamEvent, type StreamState } from "./stream-state.ts";

/** Queued bytes at which {@link Stream.write} exerts backpressure. */
export const SEND_BUFFER = 128 * 1024;

/** Bytes that a stream sends before it is the turn of another one: four quanta fill a batch. */
export const QUANTUM_BYTES = 16 * 1024 - 64;

/** The user of a stream. */
export interface StreamHandler {
  /** The peer accepted the OPEN of this side. */
  peerAccepted(): void;
  /** Takes bytes of the peer, never empty, as a slice of the input. {@link Stream.consumed} must follow. */
  data(bytes: Uint8Array): void;
  /** The peer sent its last byte. */
  peerFinished(): void;
  /** The stream takes bytes again, after `write` returned false. */
  drained(): void;
  /** The last byte was sent, with FIN or the RESET of {@link Stream.resetAfterData}. */
  finished(): void;
  /** The peer reset the stream, or the session ended. The last call. */
  reset(error: FairleadError): void;
}

/** The session that a stream belongs to. */
export interface StreamOwner {
  /** What the receive windows of the session's streams share. */
  readonly windows: SessionWindow;
  /** The payload of an OPEN frame. */
  openPayload(open: Open): Uint8Array;
  /** Queues the stream: it has control frames to send. */
  queueControl(stream: Stream): void;
  /** Queues the stream: it has data or FIN to send, and credit for it. */
  queueData(stream: Stream): void;
  /** The stream has ended. */
  closed(stream: Stream): void;
}

/** One stream. */
export class Stream {
  readonly id: number;
  /** The request in the OPEN. */
  readonly open: Open;
  /** Whether this side opened the stream. */
  readonly ours: boolean;
  readonly #owner: StreamOwner;
  #handler: StreamHandler | null = null;
  #state: StreamState;
  /** What the tables say about the state; each frame needs it. */
  #maySend: boolean;
  #mayReceive: boolean;
  readonly #credit = new SendCredit();
  readonly #window: ReceiveWindow;
  readonly #queue = new SendQueue();
  /** The writer waits for `drained`. */
  #writerWaits = false;
  /** Bytes counted by {@link noteQueued}. */
  #queuedBehind = 0;
  #finishing = false;
  /** The error that ends the stream in place of FIN; see {@link resetAfterData}. */
  #lastError: FairleadError | null = null;
  /** Control frames that are due. */
  #openPending: boolean;
  #acceptPending = false;
  #creditPending = false;
  #reset: FairleadError | null = null;
  /** Whether the stream is in a queue of the frame writer, which alone uses these. */
  inControlQueue = false;
  inDataQueue = false;

  constructor(options: { id: number; open: Open; ours: boolean; owner: StreamOwner }) {
    this.id = options.id;
    this.open = options.open;
    this.ours = options.ours;
    this.#owner = options.owner;
    this.#window = new ReceiveWindow(options.owner.windows);
    this.#state = options.ours ? "opening" : "offered";
    this.#maySend = MAY_SEND[this.#state];
    this.#mayReceive = MAY_RECEIVE[this.#state];
    this.#openPending = options.ours;
  }

  /** The service that the OPEN names. */
  get service(): string {
    return this.open.service;
  }

  /** What the stream carries: a TCP connection unless the OPEN names another kind. */
  get kind(): string {
    return this.open.kind ?? DEFAULT_KIND;
  }

  /** The port of the service; null for its first one. */
  get port(): number | null {
    return this.open.port ?? null;
  }

  /** The W3C trace context of the opener; null without one. */
  get traceparent(): string | null {
    return this.open.traceparent ?? null;
  }

  /** Streams that the client's connection passed through before. */
  get hops(): number {
    return this.open.hops ?? 0;
  }

  /** The state of the stream. */
  get state(): StreamState {
    return this.#state;
  }

  /** Whether this side reset the stream and the RESET was not sent yet. */
  get resetPending(): boolean {
    return this.#reset !== null;
  }

  /** Bytes received that the user has not consumed. */
  get held(): number {
    return this.#window.held;
  }

  /** Bytes written that were not sent yet. */
  get unsent(): number {
    return this.#queue.bytes;
  }

  /** Sets the user of the stream. */
  set handler(handler: StreamHandler) {
    this.#handler = handler;
  }

  // ---- called by the user -----------------------------------------------------------------------------

  /**
   * Accepts the peer's OPEN. Does nothing on a stream that has ended.
   *
   * @param isDeferred whether ACCEPT waits for the next frame of the stream, or for {@link sendAccept}
   */
  accept(isDeferred = false): void {
    if (this.#state === "closed") return;
    this.#apply("accept");
    this.#acceptPending = true;
    if (!isDeferred) this.#owner.queueControl(this);
  }

  /** Sends the ACCEPT that was deferred, unless it was sent already. */
  sendAccept(): void {
    if (this.#acceptPending && this.#state !== "closed") this.#owner.queueControl(this);
  }

  /**
   * Sends bytes, which the caller must not change afterwards. Returns false for backpressure until `drained`;
   * the bytes are accepted. Drops bytes on a stream that has ended.
   */
  write(bytes: Uint8Array): boolean {
    if (this.#state === "closed") return true;
    if (this.#finishing || !this.#maySend) throw new RangeError(`cannot write when ${this.#state}`);
    if (bytes.length === 0) return true;
    const { memory } = this.#owner.windows;
    this.#queue.push(bytes);
    memory.add(bytes.length);
    // DATA follows ACCEPT.
    if (this.#acceptPending) this.#owner.queueControl(this);
    if (this.#credit.available > 0) this.#owner.queueData(this);
    this.#writerWaits = this.#queue.bytes >= (memory.tight ? LEAST_WINDOW : SEND_BUFFER);
    return !this.#writerWaits;
  }

  /** Sends FIN behind everything written so far. */
  finish(): void {
    if (this.#state === "closed" || this.#finishing) return;
    this.#finishing = true;
    if (this.#acceptPending) this.#owner.queueControl(this);
    if (this.#canSend) this.#owner.queueData(this);
  }

  /**
   * Resets the stream behind everything written so far, as far as the peer grants credit for it. `finished`
   * reports that the RESET was sent. Nothing can be written from here on.
   */
  resetAfterData(error: FairleadError): void {
    if (this.#state === "closed") return;
    if (this.#finishing || !this.#maySend) {
      this.reset(error);
      return;
    }
    this.#lastError = error;
    this.finish();
  }

  /**
   * Resets the stream at once, and drops what was not sent. The peer receives the error's code and message.
   */
  reset(error: FairleadError): void {
    if (this.#state === "closed") return;
    // A stream whose OPEN was not sent needs no RESET.
    if (!this.#openPending) this.#reset = error;
    this.#apply("reset");
  }

  /** The user consumed `bytes` of what `data` delivered. */
  consumed(bytes: number): void {
    if (!this.#window.consume(bytes) || !this.#mayReceive) return;
    this.#creditPending = true;
    this.#owner.queueControl(this);
  }

  /**
   * Sets the bytes that wait beyond the stream, in the local connection. They count as memory of the peer's
   * site.
   */
  noteQueued(bytes: number): void {
    this.#owner.windows.memory.add(bytes - this.#queuedBehind);
    this.#queuedBehind = bytes;
  }

  // ---- called by the multiplexer: received frames -----------------------------------------------------

  /** @throws FairleadError session.out_of_order, session.credit */
  receiveData(bytes: Uint8Array): void {
    if (!this.#mayReceive) throw this.#outOfOrder("DATA");
    this.#window.receive(bytes.length);
    this.#handler?.data(bytes);
    if (this.#owner.windows.memory.over) this.#shed();
  }

  /** Resets a stream with unread bytes once the peer's site has used up its memory. */
  #shed(): void {
    const { full } = this.#owner.windows.memory;
    const unread = this.#window.held + this.#queuedBehind;
    if (this.#state === "closed" || unread <= (full ? 0 : LEAST_WINDOW)) return;
    const error = new FairleadError("stream.overloaded");
    this.reset(error);
    this.#handler?.reset(error);
  }

  /** @throws FairleadError session.out_of_order */
  receiveAccept(): void {
    if (nextState(this.#state, "accepted") === null || this.#openPending) throw this.#outOfOrder("ACCEPT");
    this.#apply("accepted");
    this.#handler?.peerAccepted();
  }

  /** @throws FairleadError session.out_of_order */
  receiveFin(): void {
    if (nextState(this.#state, "peer_finished") === null) throw this.#outOfOrder("FIN");
    this.#apply("peer_finished");
    this.#handler?.peerFinished();
  }

  /** @throws FairleadError session.credit */
  receiveCredit(bytes: number): void {
    this.#credit.grant(bytes);
    if (this.#canSend) this.#owner.queueData(this);
  }

  /** Ends the stream: the peer reset it, or the session ended. */
  end(error: FairleadError): void {
    if (this.#state === "closed") return;
    this.#apply("reset");
    this.#handler?.reset(error);
  }

  // ---- called by the multiplexer: frames to send ------------------------------------------------------

  /** Adds the control frames that are due. */
  writeControl(batch: FrameBatch): void {
    if (this.#reset !== null) {
      // A RESET without ACCEPT before it says that the target received nothing.
      if (this.#acceptPending) batch.header(FRAME.accept, 0, this.id);
      batch.add(encodeReset(this.id, this.#reset));
      this.#acceptPending = false;
      this.#reset = null;
      return;
    }
    if (this.#state === "closed") return;
    if (this.#openPending) {
      const payload = this.#owner.openPayload(this.open);
      batch.header(FRAME.open, payload.length, this.id);
      batch.add(payload);
    }
    if (this.#acceptPending) batch.header(FRAME.accept, 0, this.id);
    if (this.#creditPending && this.#mayReceive) {
      const bytes = this.#window.takeGrant();
      if (bytes > 0) batch.credit(this.id, bytes);
    }
    this.#openPending = false;
    this.#acceptPending = false;
    this.#creditPending = false;
  }

  /**
   * Adds one DATA frame of `limit` bytes at most, and FIN when it is due. Returns whether the stream can send
   * more.
   */
  writeData(batch: FrameBatch, limit: number): boolean {
    if (!this.#canSend) return false;
    const size = Math.min(limit, this.#queue.bytes, this.#credit.available);
    if (size > 0) {
      batch.header(FRAME.data, size, this.id);
      this.#credit.spend(size);
      this.#queue.moveTo(batch, size);
      this.#owner.windows.memory.add(-size);
    }
    if (this.#finishing && this.#queue.bytes === 0 && this.#maySend) {
      if (this.#lastError !== null) {
        this.reset(this.#lastError);
        this.#handler?.finished();
        return false;
      }
      batch.header(FRAME.fin, 0, this.id);
      this.#apply("finish");
      this.#handler?.finished();
      return false;
    }
    if (this.#writerWaits && this.#queue.bytes < SEND_BUFFER) {
      this.#writerWaits = false;
      this.#handler?.drained();
    }
    return this.#canSend;
  }

  get #canSend(): boolean {
    if (!this.#maySend) return false;
    return this.#queue.bytes > 0 ? this.#credit.available > 0 : this.#finishing;
  }

  /** Changes the state. Nothing else does. */
  #apply(event: StreamEvent): void {
    const next = nextState(this.#state, event);
    if (next === null) throw new RangeError(`stream ${this.id}: no ${event} when ${this.#state}`);
    this.#state = next;
    this.#maySend = MAY_SEND[next];
    this.#mayReceive = MAY_RECEIVE[next];
    if (event === "reset") this.#window.abandoned();
    else if (event === "peer_finished") this.#window.finished();
    if (next !== "closed") return;
    this.#owner.windows.memory.add(-this.#queue.bytes);
    this.#queue.clear();
    this.#owner.closed(this);
    if (this.#reset !== null) this.#owner.queueControl(this);
  }

  #outOfOrder(frame: string): FairleadError {
    return new FairleadError(
      "session.out_of_order",
      `${frame} on stream ${this.id}, which is ${this.#state}.`,
    );
  }
}
