/** What a multiplexer is given and what it tells. */
import type { FairleadError } from "../errors.ts";
import type { MemoryAccount } from "../memory-budget.ts";
import type { MultiplexerEffects } from "./frame-writer.ts";
import type { Hello } from "./frames.ts";
import type { Stream, StreamHandler } from "./stream.ts";

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
  /** Bytes that each of the peer's streams may send without credit: the initial window. */
  window?: number;
  /** What the windows of all streams may have above the initial one, in bytes. */
  windowBudget?: number;
  /** What the peer's site may make this process hold; nothing limits it unless given. */
  memory?: MemoryAccount;
  /** Streams that the peer may have open at once. */
  maxStreams?: number;
  software: string;
  /** Features to name in HELLO; none unless given. */
  features?: readonly string[];
  /** Told to the peer in HELLO where there is no TLS that could yield one. */
  resumeKey?: string;
  /** A clock that never goes back, in ms, with fractions. */
  now?: () => number;
  effects: MultiplexerEffects;
  events: MultiplexerEvents;
}
