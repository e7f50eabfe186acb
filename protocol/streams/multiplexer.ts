/**
 * Many streams over one reliable pipe of bytes. A state machine without sockets, timers or Node streams: what
 * arrives goes into {@link Multiplexer.receive}, what is to be sent comes out of `effects.send`.
 *
 * Writing: whatever is written in one turn of the event loop is gathered and goes out in one flush. In a flush
 * control frames go first, then data, a turn of {@link TURN_BYTES} to each stream that has some, round and
 * round. So a small write waits for one turn of each busy stream and no more. When the layer below asks to
 * wait, everything stays here, bounded: control is at most a few frames per stream, data at most
 * `SEND_BUFFER` and one write per stream.
 *
 * Reading never waits: what a stream's user has not consumed is bounded by its window.
 */
import { FairleadError, fromErrorBody } from "../errors.ts";
import { negotiate, SESSION_VERSIONS } from "../versions.ts";
import { BATCH_BYTES, Batch } from "./batch.ts";
import { DEFAULT_WINDOW } from "./credit.ts";
import { FrameDecoder, type FrameHandler } from "./decoder.ts";
import { Fifo } from "./fifo.ts";
import {
  encodeGoaway,
  encodeHello,
  encodeReset,
  FRAME,
  HEADER_BYTES,
  type Hello,
  MAX_CONTROL,
  MAX_STREAM_ID,
  parseCredit,
  parseGoaway,
  parseHello,
  parseOpen,
  parseReset,
} from "./frames.ts";
import { Stream, type StreamHandler, type StreamOwner, TURN_BYTES } from "./stream.ts";

export const DEFAULT_MAX_STREAMS = 16_384;

/** Streams refused for want of room, with the RESET not yet sent, before the session is ended. */
const MAX_REFUSED = 1024;

export interface MultiplexerEffects {
  /** Writes the chunks, in order, as one. False asks to wait for `drained()`; they are taken all the same. */
  send(chunks: readonly Uint8Array[]): boolean;
  /** Asks for a call of `flush()` once, after this turn of the event loop. */
  schedule(): void;
}

export interface MultiplexerEvents {
  /** The peer's HELLO came: streams flow. */
  ready(peer: Hello): void;
  /** The peer opened a stream. Accept or reset it, now or later; its data goes to the returned handler. */
  opened(stream: Stream): StreamHandler;
  /** The number of streams changed to or from none. */
  busy(busy: boolean): void;
  /** The peer wants no more streams. */
  goaway(error: FairleadError): void;
  /** The session is over, everything due was handed to `send`. Nothing follows. */
  ended(error: FairleadError): void;
}

export interface MultiplexerOptions {
  /** "even" for the TLS server, "odd" for the TLS client. */
  ids: "even" | "odd";
  /** Bytes that each of the peer's streams may send without credit. */
  window?: number;
  /** Streams that the peer may have open at once. */
  maxStreams?: number;
  software: string;
  effects: MultiplexerEffects;
  events: MultiplexerEvents;
}

/** "greeting" until the peer's HELLO; "draining" once a GOAWAY was sent or came. */
export type MultiplexerState = "greeting" | "running" | "draining" | "ended";

export class Multiplexer {
  readonly #effects: MultiplexerEffects;
  readonly #events: MultiplexerEvents;
  readonly #hello: Hello;
  readonly #owner: StreamOwner;
  readonly #decoder: FrameDecoder;
  readonly #streams = new Map<number, Stream>();
  readonly #batch = new Batch();
  readonly #controlRow = new Fifo<Stream>();
  readonly #dataRow = new Fifo<Stream>();
  readonly #refused = new Fifo<number>();
  #peer: Hello | null = null;
  #state: MultiplexerState = "greeting";
  #nextId: number;
  #lastPeerId = 0;
  #oursCount = 0;
  #theirsCount = 0;
  #helloSent = false;
  /** Why we send GOAWAY; `#goawaySent` once it is on its way. */
  #goaway: FairleadError | null = null;
  #goawaySent = false;
  #peerGoaway: FairleadError | null = null;
  #blocked = false;
  #scheduled = false;
  #writing = false;

  constructor(options: MultiplexerOptions) {
    this.#effects = options.effects;
    this.#events = options.events;
    this.#nextId = options.ids === "even" ? 2 : 1;
    this.#hello = {
      versions: SESSION_VERSIONS,
      window: options.window ?? DEFAULT_WINDOW,
      maxStreams: options.maxStreams ?? DEFAULT_MAX_STREAMS,
      software: options.software,
    };
    this.#owner = {
      controlWaits: (stream) => this.#rowControl(stream),
      dataWaits: (stream) => this.#rowData(stream),
      closed: (stream) => this.#closed(stream),
    };
    const handler: FrameHandler = {
      frame: (type, stream, payload) => this.#frame(type, stream, payload),
      data: (stream, piece) => this.#data(stream, piece),
    };
    this.#decoder = new FrameDecoder(handler);
    this.#schedule();
  }

  get state(): MultiplexerState {
    return this.#state;
  }

  /** Streams open now, both sides'. */
  get streams(): number {
    return this.#streams.size;
  }

  /**
   * Opens a stream; writing may begin at once.
   * @throws FairleadError stream.limit; session.closed (or why it ended) when no more streams may be opened.
   */
  open(service: string, handler: StreamHandler): Stream {
    if (this.#state === "ended" || this.#goaway !== null) {
      throw this.#peerGoaway ?? this.#goaway ?? new FairleadError("session.closed");
    }
    if (this.#oursCount >= (this.#peer ?? this.#hello).maxStreams) throw new FairleadError("stream.limit");
    if (this.#nextId > MAX_STREAM_ID) {
      const error = new FairleadError("session.closed", "the session has used up its stream ids");
      this.drain(error);
      throw error;
    }
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new Stream({ id, service, ours: true, owner: this.#owner, window: this.#hello.window });
    stream.handler = handler;
    if (this.#peer !== null) stream.receiveCredit(this.#peer.window);
    this.#add(stream);
    this.#rowControl(stream);
    return stream;
  }

  /** Ends the session once its streams have ended: sends GOAWAY, opens no more. */
  drain(error: FairleadError): void {
    if (this.#state === "ended" || this.#goaway !== null) return;
    this.#goaway = error;
    if (this.#state === "running") this.#move("draining");
    this.#schedule();
  }

  /** Ends the session now: streams are reset with `error`, and the peer is told. */
  fail(error: FairleadError): void {
    if (this.#state === "ended") return;
    this.#batch.clear();
    if (!this.#helloSent) this.#batch.add(encodeHello(this.#hello));
    this.#batch.add(encodeGoaway(error));
    this.#effects.send(this.#batch.chunks());
    this.#batch.clear();
    this.#end(error);
  }

  /** The layer below ended. Streams are reset with what the peer said in its GOAWAY, else with `error`. */
  lost(error: FairleadError): void {
    if (this.#state !== "ended") this.#end(this.#peerGoaway ?? error);
  }

  /** Takes bytes from the layer below. A wrong frame ends the session. */
  receive(chunk: Uint8Array): void {
    if (this.#state === "ended") return;
    try {
      this.#decoder.push(chunk);
    } catch (error) {
      if (!(error instanceof FairleadError)) throw error;
      this.fail(error);
    }
  }

  /** The layer below takes more again. */
  drained(): void {
    this.#blocked = false;
    this.#write();
  }

  /** Writes what waits, as far as the layer below takes it: the answer to `effects.schedule`. */
  flush(): void {
    this.#scheduled = false;
    this.#write();
  }

  // ---- writing --------------------------------------------------------------------------------------

  #write(): void {
    this.#writing = true;
    while (!this.#blocked && this.#state !== "ended") {
      this.#fill();
      if (this.#batch.bytes === 0) break;
      this.#blocked = !this.#effects.send(this.#batch.chunks());
      this.#batch.clear();
    }
    this.#writing = false;
    this.#settle();
  }

  #fill(): void {
    const batch = this.#batch;
    if (!this.#helloSent) {
      this.#helloSent = true;
      batch.add(encodeHello(this.#hello));
    }
    if (this.#peer === null) return;
    if (!this.#fillControl()) return;
    if (this.#goaway !== null && !this.#goawaySent) {
      this.#goawaySent = true;
      batch.add(encodeGoaway(this.#goaway));
    }
    // Whole turns only: a stream whose turn was the end of a batch would get less than the others.
    while (batch.room >= TURN_BYTES + 2 * HEADER_BYTES) {
      const stream = this.#dataRow.shift();
      if (stream === undefined) return;
      stream.inDataRow = false;
      if (stream.writeData(batch, TURN_BYTES)) this.#rowData(stream);
    }
  }

  /** False when control frames are left: data must not overtake them. */
  #fillControl(): boolean {
    const batch = this.#batch;
    while (this.#refused.length > 0 && batch.room > MAX_CONTROL) {
      batch.add(encodeReset(this.#refused.shift() ?? 0, new FairleadError("stream.limit")));
    }
    while (batch.room > 2 * MAX_CONTROL) {
      const stream = this.#controlRow.shift();
      if (stream === undefined) return this.#refused.length === 0;
      stream.inControlRow = false;
      const resets = stream.resetWaits;
      stream.writeControl(batch);
      if (resets) this.#release(stream);
    }
    return false;
  }

  #rowControl(stream: Stream): void {
    if (!stream.inControlRow) {
      stream.inControlRow = true;
      this.#controlRow.push(stream);
    }
    this.#schedule();
  }

  #rowData(stream: Stream): void {
    if (!stream.inDataRow) {
      stream.inDataRow = true;
      this.#dataRow.push(stream);
    }
    this.#schedule();
  }

  #schedule(): void {
    // While writing, the loop there comes round to it; while blocked, `drained` does.
    if (this.#scheduled || this.#writing || this.#blocked || this.#state === "ended") return;
    this.#scheduled = true;
    this.#effects.schedule();
  }

  // ---- reading --------------------------------------------------------------------------------------

  #data(id: number, piece: Uint8Array): void {
    if (this.#state === "ended") return;
    this.#known(id, "DATA")?.receiveData(piece);
  }

  #frame(type: number, id: number, payload: Uint8Array): void {
    if (this.#state === "ended") return;
    if (this.#peer === null && type !== FRAME.hello) {
      throw new FairleadError("session.out_of_order", `a frame of type ${type} came before HELLO`);
    }
    switch (type) {
      case FRAME.hello:
        this.#receiveHello(parseHello(payload));
        break;
      case FRAME.open:
        this.#receiveOpen(id, parseOpen(payload).service);
        break;
      case FRAME.accept:
        this.#known(id, "ACCEPT")?.receiveAccept();
        break;
      case FRAME.credit:
        this.#known(id, "CREDIT")?.receiveCredit(parseCredit(payload));
        break;
      case FRAME.fin:
        this.#known(id, "FIN")?.receiveFin();
        break;
      case FRAME.reset:
        this.#known(id, "RESET")?.end(fromErrorBody(parseReset(payload), "stream.internal"));
        break;
      case FRAME.goaway:
        this.#receiveGoaway(fromErrorBody(parseGoaway(payload), "session.closed"));
        break;
    }
  }

  #receiveHello(hello: Hello): void {
    if (this.#peer !== null) throw new FairleadError("session.out_of_order", "HELLO came twice");
    if (negotiate(SESSION_VERSIONS, hello.versions) === null) {
      const range = ({ min, max }: { min: number; max: number }) => `${min} to ${max}`;
      throw new FairleadError(
        "session.version",
        `we speak ${range(SESSION_VERSIONS)}, the peer ${range(hello.versions)}`,
      );
    }
    this.#peer = hello;
    this.#move(this.#goaway === null ? "running" : "draining");
    for (const stream of this.#streams.values()) stream.receiveCredit(hello.window);
    this.#events.ready(hello);
    this.#schedule();
  }

  #receiveOpen(id: number, service: string): void {
    if (this.#isOurs(id) || id <= this.#lastPeerId || this.#peerGoaway !== null) {
      throw new FairleadError("session.out_of_order", `OPEN of stream ${id} is not the peer's next`);
    }
    this.#lastPeerId = id;
    if (this.#theirsCount >= this.#hello.maxStreams) {
      if (this.#refused.length >= MAX_REFUSED) throw new FairleadError("stream.limit");
      this.#refused.push(id);
      this.#schedule();
      return;
    }
    const stream = new Stream({ id, service, ours: false, owner: this.#owner, window: this.#hello.window });
    stream.receiveCredit(this.#peer?.window ?? 0);
    this.#add(stream);
    stream.handler = this.#events.opened(stream);
  }

  #receiveGoaway(error: FairleadError): void {
    if (this.#peerGoaway !== null) throw new FairleadError("session.out_of_order", "GOAWAY came twice");
    this.#peerGoaway = error;
    this.#goaway ??= error;
    if (this.#state === "running") this.#move("draining");
    this.#events.goaway(error);
    this.#schedule();
  }

  /** The stream of a frame; null when it has ended, so that the frame is ignored. */
  #known(id: number, frame: string): Stream | null {
    const stream = this.#streams.get(id);
    if (stream !== undefined) return stream;
    if (this.#isOurs(id) ? id < this.#nextId : id <= this.#lastPeerId) return null;
    throw new FairleadError("session.out_of_order", `${frame} on stream ${id}, which was never opened`);
  }

  #isOurs(id: number): boolean {
    return id % 2 === this.#nextId % 2;
  }

  // ---- state ----------------------------------------------------------------------------------------

  #add(stream: Stream): void {
    this.#streams.set(stream.id, stream);
    if (stream.ours) this.#oursCount++;
    else this.#theirsCount++;
    if (this.#streams.size === 1) this.#events.busy(true);
  }

  #closed(stream: Stream): void {
    if (!this.#streams.delete(stream.id)) return;
    if (!stream.resetWaits) this.#release(stream);
    if (this.#state === "ended") return;
    if (this.#streams.size === 0) this.#events.busy(false);
    if (this.#state === "draining") this.#schedule();
  }

  /**
   * Gives the stream's place free. A stream reset here keeps its place until the RESET went out, so that a
   * peer that opens and never reads cannot pile up RESETs.
   */
  #release(stream: Stream): void {
    if (stream.ours) this.#oursCount--;
    else this.#theirsCount--;
  }

  /** Ends a drained session when nothing is left. */
  #settle(): void {
    if (this.#state !== "draining" || !this.#goawaySent || this.#peerGoaway === null) return;
    if (this.#streams.size > 0 || this.#controlRow.length > 0) return;
    this.#end(this.#peerGoaway);
  }

  #end(error: FairleadError): void {
    this.#move("ended");
    for (const stream of [...this.#streams.values()]) stream.end(error);
    this.#streams.clear();
    this.#controlRow.clear();
    this.#dataRow.clear();
    this.#refused.clear();
    this.#events.ended(error);
  }

  #move(next: MultiplexerState): void {
    this.#state = next;
  }
}

// A batch must hold a frame of every kind, and a turn.
if (BATCH_BYTES < 2 * MAX_CONTROL + TURN_BYTES) throw new RangeError("batches are too small");
