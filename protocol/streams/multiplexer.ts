/**
 * The multiplexer: many streams over one reliable byte stream (docs/protocol.md, "Frames").
 *
 * A state machine without sockets, timers or Node streams. Received bytes go into
 * {@link Multiplexer.receive}, bytes to send come out of `effects.send`. Reading never waits: the window of
 * each stream bounds what its user has not consumed.
 */
import { FairleadError, fromErrorBody } from "../errors.ts";
import { type MemoryAccount, STREAM_COST } from "../memory-budget.ts";
import { DEFAULT_KIND } from "../stream-kind.ts";
import { negotiate, SESSION_VERSIONS, type VersionRange } from "../versions.ts";
import { commonFeatures, SESSION_FEATURE } from "./features.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { FrameWriter, type MultiplexerEffects } from "./frame-writer.ts";
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
import { OpenCache } from "./open-cache.ts";
import { DEFAULT_WINDOW, SessionWindow } from "./session-window.ts";
import { Stream, type StreamHandler, type StreamOwner } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";

/** Streams that the peer may have open at once, unless the session has another limit. */
export const DEFAULT_MAX_STREAMS = 16_384;

/** The events of a session of streams. */
export interface MultiplexerEvents {
  /** The peer's HELLO arrived: streams carry bytes from here on. */
  ready(peer: Hello): void;
  /**
   * The peer opened a stream. The listener accepts or resets it, now or later, and returns the stream's
   * handler.
   */
  opened(stream: Stream): StreamHandler;
  /** The number of streams changed to or from zero. */
  busy(busy: boolean): void;
  /** The peer accepts no more streams. */
  goaway(error: FairleadError): void;
  /** The session has ended, and the last frames were given to `send`. The last event. */
  ended(error: FairleadError): void;
}

/** The options of a multiplexer. */
export interface MultiplexerOptions {
  /** "even" for the TLS server, "odd" for the TLS client. */
  ids: "even" | "odd";
  /** Initial window of each stream of the peer, bytes; {@link DEFAULT_WINDOW} unless given. */
  window?: number;
  /** What the windows of all streams may have above the initial one, bytes. */
  windowBudget?: number;
  /** Counts the memory that the peer makes this side hold; unlimited unless given. */
  memory?: MemoryAccount;
  /** Streams that the peer may have open at once; {@link DEFAULT_MAX_STREAMS} unless given. */
  maxStreams?: number;
  software: string;
  /** Features to name in HELLO; none unless given. */
  features?: readonly string[];
  /** This side's share of the resume key, in hop mode. */
  resumeKey?: string;
  /** A monotonic clock, ms with fractions. */
  now?: () => number;
  effects: MultiplexerEffects;
  events: MultiplexerEvents;
}

/** "opening" until the peer's HELLO; "draining" from the first GOAWAY of either side on. */
export type MultiplexerState = "opening" | "running" | "draining" | "ended";

/** The multiplexer of one session. */
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
  #state: MultiplexerState = "opening";
  /** The GOAWAY of each side. */
  #goaway: FairleadError | null = null;
  #peerGoaway: FairleadError | null = null;

  constructor(options: MultiplexerOptions) {
    this.#events = options.events;
    this.#table = new StreamTable(options.ids);
    this.#hello = helloOf(options);
    this.#windows = new SessionWindow({
      initial: this.#hello.window,
      now: options.now ?? (() => performance.now()),
      memory: options.memory,
      budget: options.windowBudget,
    });
    this.#owner = {
      windows: this.#windows,
      openPayload: (open) => this.#opens.encode(open),
      queueControl: (stream) => this.#writer.queueControl(stream),
      queueData: (stream) => this.#writer.queueData(stream),
      closed: (stream) => this.#streamClosed(stream),
    };
    this.#decoder = new FrameDecoder({
      frame: (type, stream, payload) => this.#receiveFrame(type, stream, payload),
      data: (stream, piece) => this.#receiveData(stream, piece),
    });
    this.#writer = new FrameWriter(options.effects, encodeHello(this.#hello), (stream) =>
      this.#table.release(stream),
    );
  }

  /** The state of the session. */
  get state(): MultiplexerState {
    return this.#state;
  }

  /** Streams open now, of both sides. */
  get streams(): number {
    return this.#table.size;
  }

  /** Features that both sides named; none before the peer's HELLO. */
  get features(): ReadonlySet<string> {
    return this.#features;
  }

  /** Features that the peer named; none before its HELLO. */
  get peerFeatures(): readonly string[] {
    return this.#peer?.features ?? [];
  }

  /** Notes a round trip that the carrier measured, ms. Windows follow the shortest. */
  noteRoundTrip(ms: number): void {
    this.#windows.noteRoundTrip(ms);
  }

  /** Forgets the round trip: the session uses another path now. */
  pathChanged(): void {
    this.#windows.pathChanged();
  }

  /**
   * Opens a stream, which can be written to at once.
   * @throws FairleadError stream.limit; service.overloaded; stream.kind_unsupported when the peer has not
   * named the feature; session.closed, or the code of the session's end, when no more streams may be opened.
   */
  open(open: Open, handler: StreamHandler): Stream {
    if (this.#state === "ended" || this.#goaway !== null) {
      throw this.#peerGoaway ?? this.#goaway ?? new FairleadError("session.closed");
    }
    if (this.#windows.memory.over) {
      throw new FairleadError("service.overloaded", "The streams of that site have used up its memory.");
    }
    if ((open.kind ?? DEFAULT_KIND) !== DEFAULT_KIND && !this.#features.has(SESSION_FEATURE.openKind)) {
      throw new FairleadError("stream.kind_unsupported");
    }
    if (this.#table.ours >= (this.#peer ?? this.#hello).maxStreams) throw new FairleadError("stream.limit");
    const id = this.#table.takeId();
    if (id === null) {
      const error = new FairleadError("session.closed", "The session has used up its stream ids.");
      this.drain(error);
      throw error;
    }
    const stream = new Stream({ id, open, ours: true, owner: this.#owner });
    stream.handler = handler;
    if (this.#peer !== null) stream.receiveCredit(this.#peer.window);
    this.#add(stream);
    this.#writer.queueControl(stream);
    return stream;
  }

  /** Sends GOAWAY and opens no more streams. The session ends once its streams have ended. */
  drain(error: FairleadError): void {
    if (this.#state === "ended" || this.#goaway !== null) return;
    this.#goaway = error;
    if (this.#state === "running") this.#state = "draining";
    this.#writer.goaway(encodeGoaway(error));
  }

  /** Ends the session at once: sends GOAWAY and resets every stream with `error`. */
  fail(error: FairleadError): void {
    if (this.#state === "ended") return;
    this.#writer.sendLast(encodeGoaway(error));
    this.#end(error);
  }

  /** The layer below ended. Resets every stream with the peer's GOAWAY, else with `error`. */
  lost(error: FairleadError): void {
    if (this.#state !== "ended") this.#end(this.#peerGoaway ?? error);
  }

  /** Takes bytes from the layer below. A frame against the rules ends the session. */
  receive(chunk: Uint8Array): void {
    if (this.#state === "ended") return;
    try {
      this.#decoder.push(chunk);
    } catch (error) {
      if (!(error instanceof FairleadError)) throw error;
      this.fail(error);
    }
  }

  /** The layer below takes chunks again. */
  drained(): void {
    this.#writer.drained();
    this.#checkDrained();
  }

  /** Sends what waits, as far as the layer below takes it. `effects.schedule` asks for this call. */
  flush(): void {
    this.#writer.flush();
    this.#checkDrained();
  }

  // ---- received frames --------------------------------------------------------------------------------

  #receiveData(id: number, piece: Uint8Array): void {
    if (this.#state === "ended") return;
    this.#table.find(id, "DATA")?.receiveData(piece);
  }

  #receiveFrame(type: number, id: number, payload: Uint8Array): void {
    if (this.#state === "ended") return;
    if (this.#peer === null && type !== FRAME.hello) {
      throw new FairleadError("session.out_of_order", `A frame of type ${type} arrived before HELLO.`);
    }
    switch (type) {
      case FRAME.hello:
        this.#receiveHello(parseHello(payload));
        break;
      case FRAME.open:
        this.#receiveOpen(id, this.#opens.decode(payload));
        break;
      case FRAME.accept:
        this.#table.find(id, "ACCEPT")?.receiveAccept();
        break;
      case FRAME.credit:
        this.#table.find(id, "CREDIT")?.receiveCredit(parseCredit(payload));
        break;
      case FRAME.fin:
        this.#table.find(id, "FIN")?.receiveFin();
        break;
      case FRAME.reset:
        this.#table.find(id, "RESET")?.end(fromErrorBody(parseReset(payload), "stream.internal"));
        break;
      case FRAME.goaway:
        this.#receiveGoaway(fromErrorBody(parseGoaway(payload), "session.closed"));
        break;
    }
  }

  #receiveHello(hello: Hello): void {
    if (this.#peer !== null) throw new FairleadError("session.out_of_order", "HELLO arrived twice.");
    checkVersion(hello);
    this.#peer = hello;
    this.#features = commonFeatures(this.#hello.features, hello.features);
    this.#state = this.#goaway === null ? "running" : "draining";
    for (const stream of this.#table.all()) stream.receiveCredit(hello.window);
    this.#writer.open();
    this.#events.ready(hello);
  }

  #receiveOpen(id: number, open: Open): void {
    if (this.#peerGoaway !== null) {
      throw new FairleadError("session.out_of_order", `OPEN of stream ${id} arrived after GOAWAY.`);
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

  // ---- streams and the end ----------------------------------------------------------------------------

  #add(stream: Stream): void {
    this.#table.add(stream);
    this.#windows.memory.add(STREAM_COST);
    if (this.#table.size === 1) this.#events.busy(true);
  }

  #streamClosed(stream: Stream): void {
    if (!this.#table.remove(stream)) return;
    this.#windows.memory.add(-STREAM_COST);
    if (!stream.resetPending) this.#table.release(stream);
    if (this.#state === "ended") return;
    if (this.#table.size === 0) this.#events.busy(false);
    if (this.#state === "draining") this.#writer.wake();
  }

  /** Ends a draining session when no stream is left and every control frame was sent. */
  #checkDrained(): void {
    if (this.#state !== "draining" || this.#peerGoaway === null) return;
    if (this.#table.size > 0 || !this.#writer.controlSent) return;
    this.#end(this.#peerGoaway);
  }

  #end(error: FairleadError): void {
    this.#state = "ended";
    for (const stream of this.#table.all()) stream.end(error);
    this.#table.clear();
    this.#writer.stop();
    this.#events.ended(error);
  }
}

/** The HELLO of this side. */
function helloOf(options: MultiplexerOptions): Hello {
  return {
    versions: SESSION_VERSIONS,
    window: options.window ?? DEFAULT_WINDOW,
    maxStreams: options.maxStreams ?? DEFAULT_MAX_STREAMS,
    software: options.software,
    features: options.features && [...options.features],
    resumeKey: options.resumeKey,
  };
}

/** @throws FairleadError session.version when the two sides have no version in common. */
function checkVersion({ versions }: Hello): void {
  if (negotiate(SESSION_VERSIONS, versions) !== null) return;
  const range = ({ min, max }: VersionRange) => `${min} to ${max}`;
  throw new FairleadError(
    "session.version",
    `This side speaks session versions ${range(SESSION_VERSIONS)}, the peer ${range(versions)}.`,
  );
}
