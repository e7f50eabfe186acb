/**
 * Many streams over one reliable pipe of bytes. A state machine without sockets, timers or Node streams: what
 * arrives goes into {@link Multiplexer.receive}, what is to be sent comes out of `effects.send` (see writer.ts
 * for the order). Reading never waits: what a stream's user has not consumed is bounded by its window.
 */
import { FairleadError, fromErrorBody } from "../errors.ts";
import { negotiate, SESSION_VERSIONS } from "../versions.ts";
import { DEFAULT_WINDOW } from "./credit.ts";
import { FrameDecoder, type FrameHandler } from "./decoder.ts";
import {
  encodeGoaway,
  encodeHello,
  FRAME,
  type Hello,
  MAX_STREAM_ID,
  parseCredit,
  parseGoaway,
  parseHello,
  parseOpen,
  parseReset,
} from "./frames.ts";
import { Stream, type StreamHandler, type StreamOwner } from "./stream.ts";
import { FrameWriter, type MultiplexerEffects } from "./writer.ts";

export const DEFAULT_MAX_STREAMS = 16_384;

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
  readonly #events: MultiplexerEvents;
  readonly #hello: Hello;
  readonly #owner: StreamOwner;
  readonly #decoder: FrameDecoder;
  readonly #streams = new Map<number, Stream>();
  readonly #writer: FrameWriter;
  #peer: Hello | null = null;
  #state: MultiplexerState = "greeting";
  #nextId: number;
  #lastPeerId = 0;
  #oursCount = 0;
  #theirsCount = 0;
  /** Why we want no more streams, and why the peer does not. */
  #goaway: FairleadError | null = null;
  #peerGoaway: FairleadError | null = null;

  constructor(options: MultiplexerOptions) {
    this.#events = options.events;
    this.#nextId = options.ids === "even" ? 2 : 1;
    this.#hello = {
      versions: SESSION_VERSIONS,
      window: options.window ?? DEFAULT_WINDOW,
      maxStreams: options.maxStreams ?? DEFAULT_MAX_STREAMS,
      software: options.software,
    };
    this.#owner = {
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
      this.#release(stream),
    );
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
    this.#writer.greeted();
    this.#events.ready(hello);
  }

  #receiveOpen(id: number, service: string): void {
    if (this.#isOurs(id) || id <= this.#lastPeerId || this.#peerGoaway !== null) {
      throw new FairleadError("session.out_of_order", `OPEN of stream ${id} is not the peer's next`);
    }
    this.#lastPeerId = id;
    if (this.#theirsCount >= this.#hello.maxStreams) {
      this.#writer.refuse(id);
      return;
    }
    const stream = new Stream({ id, service, ours: false, owner: this.#owner, window: this.#hello.window });
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
    if (this.#state === "draining") this.#writer.wake();
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
    if (this.#state !== "draining" || this.#peerGoaway === null) return;
    if (this.#streams.size > 0 || !this.#writer.controlSent) return;
    this.#end(this.#peerGoaway);
  }

  #end(error: FairleadError): void {
    this.#move("ended");
    for (const stream of [...this.#streams.values()]) stream.end(error);
    this.#streams.clear();
    this.#writer.stop();
    this.#events.ended(error);
  }

  #move(next: MultiplexerState): void {
    this.#state = next;
  }
}
