/**
 * Many streams over one reliable pipe of bytes. A state machine without sockets, timers or Node streams: what
 * arrives goes into {@link Multiplexer.receive}, what is to be sent comes out of `effects.send` (see writer.ts
 * for the order). Reading never waits: what a stream's user has not consumed is bounded by its window.
 */
import { FairleadError, fromErrorBody } from "../errors.ts";
import { STREAM_COST } from "../memory-budget.ts";
import { DEFAULT_KIND } from "../stream-kind.ts";
import { commonFeatures, SESSION_FEATURE } from "./features.ts";
import { FrameDecoder, type FrameHandler } from "./frame-decoder.ts";
import { FrameWriter } from "./frame-writer.ts";
import {
  encodeGoaway,
  encodeHello,
  FRAME,
  type Hello,
  type Open,
  parseCredit,
  parseGoaway,
  parseHello,
  parseReset,
} from "./frames.ts";
import { checkHello, ourHello } from "./hello.ts";
import { OpenCache } from "./open-cache.ts";
import type { MultiplexerEvents, MultiplexerOptions } from "./options.ts";
import { SessionWindow } from "./session-window.ts";
import { Stream, type StreamHandler, type StreamOwner } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";

export { DEFAULT_MAX_STREAMS, type MultiplexerEvents, type MultiplexerOptions } from "./options.ts";

/** "greeting" until the peer's HELLO; "draining" once a GOAWAY was sent or came. */
export type MultiplexerState = "greeting" | "running" | "draining" | "ended";

export class Multiplexer {
  readonly #events: MultiplexerEvents;
  readonly #hello: Hello;
  readonly #owner: StreamOwner;
  readonly #decoder: FrameDecoder;
  readonly #opens = new OpenCache();
  readonly #table: StreamTable;
  readonly #windows: SessionWindow;
  readonly #writer: FrameWriter;
  #peer: Hello | null = null;
  #features: ReadonlySet<string> = new Set();
  #state: MultiplexerState = "greeting";
  /** Why we want no more streams, and why the peer does not. */
  #goaway: FairleadError | null = null;
  #peerGoaway: FairleadError | null = null;

  constructor(options: MultiplexerOptions) {
    this.#events = options.events;
    this.#table = new StreamTable(options.ids);
    this.#hello = ourHello(options);
    this.#windows = new SessionWindow({
      initial: this.#hello.window,
      now: options.now ?? (() => performance.now()),
      ...(options.memory === undefined ? {} : { memory: options.memory }),
      ...(options.windowBudget === undefined ? {} : { budget: options.windowBudget }),
    });
    this.#owner = {
      windows: this.#windows,
      openPayload: (open) => this.#opens.encode(open),
      controlWaits: (stream) => this.#writer.control(stream),
      dataWaits: (stream) => this.#writer.data(stream),
      closed: (stream) => this.#closed(stream),
    };
    const handler: FrameHandler = {
      frame: (type, stream, payload) => this.#frame(type, stream, payload),
      data: (stream, piece) => this.#data(stream, piece),
    };
    this.#decoder = new FrameDecoder(handler);
    this.#writer = new FrameWriter(options.effects, encodeHello(this.#hello), (stream) =>
      this.#table.release(stream),
    );
  }

  get state(): MultiplexerState {
    return this.#state;
  }

  /** Streams open now, both sides'. */
  get streams(): number {
    return this.#table.size;
  }

  /** Features that both sides named; none before the peer's HELLO. */
  get features(): ReadonlySet<string> {
    return this.#features;
  }

  /** Features that the peer named. */
  get peerFeatures(): readonly string[] {
    return this.#peer?.features ?? [];
  }

  /** The carrier measured a round trip of `ms`: windows follow the shortest. */
  noteRoundTrip(ms: number): void {
    this.#windows.noteRoundTrip(ms);
  }

  /** The session's bytes take another way from now on: round trips are measured anew. */
  pathChanged(): void {
    this.#windows.pathChanged();
  }

  /**
   * Opens a stream; writing may begin at once.
   * @throws FairleadError stream.limit; service.overloaded; stream.kind_unsupported when the peer has not named the
   * feature; session.closed (or why it ended) when no more streams may be opened.
   */
  open(open: Open, handler: StreamHandler): Stream {
    if (this.#state === "ended" || this.#goaway !== null) {
      throw this.#peerGoaway ?? this.#goaway ?? new FairleadError("session.closed");
    }
    if (this.#windows.memory.over) {
      throw new FairleadError(
        "service.overloaded",
        "the streams of that site fill the memory that it may have",
      );
    }
    if ((open.kind ?? DEFAULT_KIND) !== DEFAULT_KIND && !this.#features.has(SESSION_FEATURE.openKind)) {
      throw new FairleadError("stream.kind_unsupported");
    }
    if (this.#table.ours >= (this.#peer ?? this.#hello).maxStreams) throw new FairleadError("stream.limit");
    const id = this.#table.takeId();
    if (id === null) {
      const error = new FairleadError("session.closed", "the session has used up its stream ids");
      this.drain(error);
      throw error;
    }
    const stream = new Stream({ id, open, ours: true, owner: this.#owner });
    stream.handler = handler;
    if (this.#peer !== null) stream.receiveCredit(this.#peer.window);
    this.#add(stream);
    this.#writer.control(stream);
    return stream;
  }

  /** Ends the session once its streams have ended: sends GOAWAY, opens no more. */
  drain(error: FairleadError): void {
    if (this.#state === "ended" || this.#goaway !== null) return;
    this.#goaway = error;
    if (this.#state === "running") this.#move("draining");
    this.#writer.goaway(encodeGoaway(error));
  }

  /** Ends the session now: streams are reset with `error`, and the peer is told. */
  fail(error: FairleadError): void {
    if (this.#state === "ended") return;
    this.#writer.sendLast(encodeGoaway(error));
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
    this.#writer.drained();
    this.#settle();
  }

  /** Writes what waits, as far as the layer below takes it: the answer to `effects.schedule`. */
  flush(): void {
    this.#writer.flush();
    this.#settle();
  }

  // ---- reading --------------------------------------------------------------------------------------

  #data(id: number, piece: Uint8Array): void {
    if (this.#state === "ended") return;
    this.#table.of(id, "DATA")?.receiveData(piece);
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
        this.#receiveOpen(id, this.#opens.decode(payload));
        break;
      case FRAME.accept:
        this.#table.of(id, "ACCEPT")?.receiveAccept();
        break;
      case FRAME.credit:
        this.#table.of(id, "CREDIT")?.receiveCredit(parseCredit(payload));
        break;
      case FRAME.fin:
        this.#table.of(id, "FIN")?.receiveFin();
        break;
      case FRAME.reset:
        this.#table.of(id, "RESET")?.end(fromErrorBody(parseReset(payload), "stream.internal"));
        break;
      case FRAME.goaway:
        this.#receiveGoaway(fromErrorBody(parseGoaway(payload), "session.closed"));
        break;
    }
  }

  #receiveHello(hello: Hello): void {
    if (this.#peer !== null) throw new FairleadError("session.out_of_order", "HELLO came twice");
    checkHello(hello);
    this.#peer = hello;
    this.#features = commonFeatures(this.#hello.features, hello.features);
    this.#move(this.#goaway === null ? "running" : "draining");
    for (const stream of this.#table.all()) stream.receiveCredit(hello.window);
    this.#writer.greeted();
    this.#events.ready(hello);
  }

  #receiveOpen(id: number, open: Open): void {
    if (this.#peerGoaway !== null) {
      throw new FairleadError("session.out_of_order", `OPEN of stream ${id} came after GOAWAY`);
    }
    this.#table.notePeerId(id);
    if (this.#table.theirs >= this.#hello.maxStreams || this.#windows.memory.over) {
      this.#writer.refuse(id, this.#windows.memory.over ? "service.overloaded" : "stream.limit");
      return;
    }
    const stream = new Stream({ id, open, ours: false, owner: this.#owner });
    stream.receiveCredit(this.#peer?.window ?? 0);
    this.#add(stream);
    stream.handler = this.#events.opened(stream);
  }

  #receiveGoaway(error: FairleadError): void {
    this.#peerGoaway = error;
    this.drain(error);
    this.#events.goaway(error);
    this.#writer.wake();
  }

  // ---- state ----------------------------------------------------------------------------------------

  #add(stream: Stream): void {
    this.#table.add(stream);
    this.#windows.memory.add(STREAM_COST);
    if (this.#table.size === 1) this.#events.busy(true);
  }

  #closed(stream: Stream): void {
    if (!this.#table.remove(stream)) return;
    this.#windows.memory.add(-STREAM_COST);
    if (!stream.resetWaits) this.#table.release(stream);
    if (this.#state === "ended") return;
    if (this.#table.size === 0) this.#events.busy(false);
    if (this.#state === "draining") this.#writer.wake();
  }

  /** Ends a drained session when nothing is left. */
  #settle(): void {
    if (this.#state !== "draining" || this.#peerGoaway === null) return;
    if (this.#table.size > 0 || !this.#writer.controlSent) return;
    this.#end(this.#peerGoaway);
  }

  #end(error: FairleadError): void {
    this.#move("ended");
    for (const stream of this.#table.all()) stream.end(error);
    this.#table.clear();
    this.#writer.stop();
    this.#events.ended(error);
  }

  #move(next: MultiplexerState): void {
    this.#state = next;
  }
}
