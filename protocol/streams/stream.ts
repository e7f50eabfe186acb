/**
 * One stream of a session: its state, its credit both ways, and what waits to be sent. It decides; the
 * multiplexer writes. Whoever uses a stream gives it a {@link StreamHandler} and calls the verbs below.
 */
import { FairleadError } from "../errors.ts";
import { LEAST_WINDOW } from "../memory-budget.ts";
import { DEFAULT_KIND } from "../stream-kind.ts";
import { ReceiveWindow, SendCredit } from "./flow-control.ts";
import type { FrameBatch } from "./frame-batch.ts";
import { encodeReset, FRAME, type Open } from "./frames.ts";
import type { StreamHandler, StreamOwner } from "./handler.ts";
import { SendQueue } from "./send-queue.ts";
import { MAY_RECEIVE, MAY_SEND, nextState, type StreamMove, type StreamState } from "./stream-state.ts";

export type { StreamHandler, StreamOwner } from "./handler.ts";

/** Bytes that a stream takes before {@link Stream.write} asks to wait. */
export const SEND_BUFFER = 128 * 1024;

/** Bytes of one stream that go out before it is another stream's turn: four turns to a batch. */
export const TURN_BYTES = 16 * 1024 - 64;

export class Stream {
  readonly id: number;
  /** What the OPEN asks for. */
  readonly open: Open;
  /** Whether this side opened it. */
  readonly ours: boolean;
  readonly #owner: StreamOwner;
  #handler: StreamHandler | null = null;
  #state: StreamState;
  /** The tables' answers for the state: asked for each frame. */
  #maySend: boolean;
  #mayReceive: boolean;
  readonly #credit = new SendCredit();
  readonly #window: ReceiveWindow;
  readonly #outbox = new SendQueue();
  #wantsDrain = false;
  /** See {@link noteQueued}. */
  #queued = 0;
  #finishing = false;
  /** What ends the stream in place of FIN; see {@link resetAfterData}. */
  #lastError: FairleadError | null = null;
  /** What the next control turn sends. */
  #openWaits: boolean;
  #acceptWaits = false;
  #creditWaits = false;
  #resetWaits: FairleadError | null = null;
  /** Whether the stream stands in the multiplexer's rows; theirs to read and write. */
  inControlRow = false;
  inDataRow = false;

  constructor(options: { id: number; open: Open; ours: boolean; owner: StreamOwner }) {
    this.id = options.id;
    this.open = options.open;
    this.ours = options.ours;
    this.#owner = options.owner;
    this.#window = new ReceiveWindow(options.owner.windows);
    this.#state = options.ours ? "opening" : "offered";
    this.#maySend = MAY_SEND[this.#state];
    this.#mayReceive = MAY_RECEIVE[this.#state];
    this.#openWaits = options.ours;
  }

  get service(): string {
    return this.open.service;
  }

  /** What the stream carries: a TCP connection unless the OPEN says otherwise. */
  get kind(): string {
    return this.open.kind ?? DEFAULT_KIND;
  }

  /** Streams that the client's connection has behind it. */
  get hops(): number {
    return this.open.hops ?? 0;
  }

  get state(): StreamState {
    return this.#state;
  }

  /** Whether it was reset here and the peer was not told yet. */
  get resetWaits(): boolean {
    return this.#resetWaits !== null;
  }

  /** Bytes received that the user has not consumed. */
  get held(): number {
    return this.#window.held;
  }

  /** Bytes written that have not gone out. */
  get unsent(): number {
    return this.#outbox.bytes;
  }

  set handler(handler: StreamHandler) {
    this.#handler = handler;
  }

  // ---- the user's verbs -----------------------------------------------------------------------------

  /** Accepts the peer's OPEN. Does nothing when the stream has ended meanwhile. */
  accept(): void {
    if (this.#state === "closed") return;
    this.#move("accept");
    this.#acceptWaits = true;
    this.#owner.controlWaits(this);
  }

  /**
   * Sends `bytes`, which must not be changed afterwards. False asks to wait for `drained`; the bytes are
   * taken all the same. Bytes written to a stream that has ended are dropped.
   */
  write(bytes: Uint8Array): boolean {
    if (this.#state === "closed") return true;
    if (this.#finishing || !this.#maySend) throw new RangeError(`cannot write when ${this.#state}`);
    if (bytes.length === 0) return true;
    const { memory } = this.#owner.windows;
    this.#outbox.push(bytes);
    memory.add(bytes.length);
    if (this.#credit.available > 0) this.#owner.dataWaits(this);
    this.#wantsDrain = this.#outbox.bytes >= (memory.tight ? LEAST_WINDOW : SEND_BUFFER);
    return !this.#wantsDrain;
  }

  /** Sends FIN after everything written so far. */
  finish(): void {
    if (this.#state === "closed" || this.#finishing) return;
    this.#finishing = true;
    if (this.#sendable) this.#owner.dataWaits(this);
  }

  /**
   * Ends the stream like {@link reset}, but behind everything written so far, as far as the peer gives credit for it:
   * `finished` tells that it went out. Nothing can be written any more. docs/protocol.md, Frames.
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

  /** Ends both directions now; what was not sent is dropped. The peer learns the error's code and message. */
  reset(error: FairleadError): void {
    if (this.#state === "closed") return;
    // A stream whose OPEN never went out ends without a word.
    if (!this.#openWaits) this.#resetWaits = error;
    this.#move("reset");
  }

  /** The user is done with `bytes` of what `data` gave it. */
  consumed(bytes: number): void {
    if (!this.#window.consume(bytes) || !this.#mayReceive) return;
    this.#creditWaits = true;
    this.#owner.controlWaits(this);
  }

  /** Bytes of it wait where its user handed them on to, or are waited for there. They count as memory of its site. */
  noteQueued(bytes: number): void {
    this.#owner.windows.memory.add(bytes - this.#queued);
    this.#queued = bytes;
  }

  // ---- the multiplexer's side: what came in ---------------------------------------------------------

  /** @throws FairleadError session.out_of_order, session.credit */
  receiveData(bytes: Uint8Array): void {
    if (!this.#mayReceive) throw this.#outOfOrder("DATA");
    this.#window.receive(bytes.length);
    this.#handler?.data(bytes);
    if (this.#owner.windows.memory.over) this.#shed();
  }

  /** Ends a stream on which bytes pile up while its site has filled the memory that it may. */
  #shed(): void {
    const { full } = this.#owner.windows.memory;
    if (this.#state === "closed" || this.#window.held + this.#queued <= (full ? 0 : LEAST_WINDOW)) return;
    const error = new FairleadError("stream.overloaded");
    this.reset(error);
    this.#handler?.reset(error);
  }

  /** @throws FairleadError session.out_of_order */
  receiveAccept(): void {
    if (nextState(this.#state, "accepted") === null || this.#openWaits) throw this.#outOfOrder("ACCEPT");
    this.#move("accepted");
    this.#handler?.peerAccepted();
  }

  /** @throws FairleadError session.out_of_order */
  receiveFin(): void {
    if (nextState(this.#state, "peer_finished") === null) throw this.#outOfOrder("FIN");
    this.#move("peer_finished");
    this.#handler?.peerFinished();
  }

  /** @throws FairleadError session.credit */
  receiveCredit(bytes: number): void {
    this.#credit.grant(bytes);
    if (this.#sendable) this.#owner.dataWaits(this);
  }

  /** The peer's RESET came, or the session ended. */
  end(error: FairleadError): void {
    if (this.#state === "closed") return;
    this.#move("reset");
    this.#handler?.reset(error);
  }

  // ---- the multiplexer's side: what goes out --------------------------------------------------------

  /** Adds the control frames that wait. */
  writeControl(batch: FrameBatch): void {
    if (this.#resetWaits !== null) {
      // A RESET without ACCEPT before it says that the target got nothing.
      if (this.#acceptWaits) batch.header(FRAME.accept, 0, this.id);
      batch.add(encodeReset(this.id, this.#resetWaits));
      this.#acceptWaits = false;
      this.#resetWaits = null;
      return;
    }
    if (this.#state === "closed") return;
    if (this.#openWaits) {
      const payload = this.#owner.openPayload(this.open);
      batch.header(FRAME.open, payload.length, this.id);
      batch.add(payload);
    }
    if (this.#acceptWaits) batch.header(FRAME.accept, 0, this.id);
    if (this.#creditWaits && this.#mayReceive) {
      const bytes = this.#window.takeGrant();
      if (bytes > 0) batch.credit(this.id, bytes);
    }
    this.#openWaits = false;
    this.#acceptWaits = false;
    this.#creditWaits = false;
  }

  /** Adds at most `limit` bytes of data as one frame, and FIN when it is due; true when more could follow. */
  writeData(batch: FrameBatch, limit: number): boolean {
    if (!this.#sendable) return false;
    const size = Math.min(limit, this.#outbox.bytes, this.#credit.available);
    if (size > 0) {
      batch.header(FRAME.data, size, this.id);
      this.#credit.spend(size);
      this.#outbox.moveTo(batch, size);
      this.#owner.windows.memory.add(-size);
    }
    if (this.#finishing && this.#outbox.bytes === 0 && this.#maySend) {
      if (this.#lastError !== null) {
        this.reset(this.#lastError);
        this.#handler?.finished();
        return false;
      }
      batch.header(FRAME.fin, 0, this.id);
      this.#move("finish");
      this.#handler?.finished();
      return false;
    }
    if (this.#wantsDrain && this.#outbox.bytes < SEND_BUFFER) {
      this.#wantsDrain = false;
      this.#handler?.drained();
    }
    return this.#sendable;
  }

  get #sendable(): boolean {
    if (!this.#maySend) return false;
    return this.#outbox.bytes > 0 ? this.#credit.available > 0 : this.#finishing;
  }

  /** The only place that changes the state. */
  #move(move: StreamMove): void {
    const next = nextState(this.#state, move);
    if (next === null) throw new RangeError(`stream ${this.id}: no ${move} when ${this.#state}`);
    this.#state = next;
    this.#maySend = MAY_SEND[next];
    this.#mayReceive = MAY_RECEIVE[next];
    if (move === "reset") this.#window.abandoned();
    else if (move === "peer_finished") this.#window.finished();
    if (next !== "closed") return;
    this.#owner.windows.memory.add(-this.#outbox.bytes);
    this.#outbox.clear();
    this.#owner.closed(this);
    if (this.#resetWaits !== null) this.#owner.controlWaits(this);
  }

  #outOfOrder(frame: string): FairleadError {
    return new FairleadError(
      "session.out_of_order",
      `${frame} on stream ${this.id}, which is ${this.#state}`,
    );
  }
}
