/**
 * The WebSocket of a live channel: connects, renews the lease while the page is visible, notices silence, and connects
 * again after a loss.
 */
import type * as z from "zod";
import { WATCH_MS } from "../../../../protocol/api/live.ts";

/** The state of a channel. */
export type ChannelPhase =
  | { readonly state: "connecting" }
  | { readonly state: "open" }
  /** `since` and `retryAt` in ms since 1970. */
  | {
      readonly state: "lost";
      readonly since: number;
      readonly retryAt: number;
      readonly reason: string | null;
    };

/** Waits between attempts, ms: from the first to the longest. */
const RETRY_MS = { first: 500, longest: 15_000 };

/** The wait before an attempt, ms. Half of it is random, so that viewers do not return all at once. */
export function retryDelay(attempt: number, random: number): number {
  const full = Math.min(RETRY_MS.longest, RETRY_MS.first * 2 ** attempt);
  return full / 2 + (full / 2) * random;
}

/** How often the page asks for a sign of life, and how long it waits for one, ms. */
const PING_MS = 15_000;
const SILENT_MS = 10_000;

/** What a channel is made with. */
export interface ChannelOptions<T> {
  /** The path of the channel, from `/`. */
  readonly path: string;
  readonly schema: z.ZodType<T>;
  readonly onMessage: (message: T) => void;
  readonly onPhase: (phase: ChannelPhase) => void;
  /** A sign of life arrived. */
  readonly onHeard: () => void;
  /** What to send after each connection. */
  readonly greeting: () => readonly object[];
}

export class LiveChannel<T> {
  readonly #options: ChannelOptions<T>;
  #socket: WebSocket | null = null;
  #attempt = 0;
  #lostAt: number | null = null;
  #reason: string | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #ping: ReturnType<typeof setInterval> | undefined;
  #isClosed = false;

  constructor(options: ChannelOptions<T>) {
    this.#options = options;
    document.addEventListener("visibilitychange", this.#onVisible);
    addEventListener("online", this.#onOnline);
    this.#connect();
  }

  /** Sends a request, if the channel is open. */
  send(request: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(request));
  }

  /** Connects again at once. */
  reconnect(reason: string | null = null): void {
    if (this.#isClosed) return;
    this.#drop();
    if (this.#lostAt !== null) this.#connect();
    else this.#lose(reason);
  }

  close(): void {
    this.#isClosed = true;
    document.removeEventListener("visibilitychange", this.#onVisible);
    removeEventListener("online", this.#onOnline);
    this.#drop();
  }

  /** Ends the socket and its timers, without a word to anybody. */
  #drop(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    clearInterval(this.#watch);
    clearInterval(this.#ping);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #connect(): void {
    const { protocol, host } = location;
    const origin = `${protocol === "https:" ? "wss:" : "ws:"}//${host}`;
    if (this.#lostAt === null) this.#options.onPhase({ state: "connecting" });
    const socket = new WebSocket(origin + this.#options.path);
    this.#socket = socket;
    const isCurrent = () => this.#socket === socket;
    socket.onopen = () => {
      if (isCurrent()) this.#opened(socket);
    };
    socket.onmessage = ({ data }) => {
      if (isCurrent() && typeof data === "string") this.#received(data);
    };
    socket.onclose = ({ reason }) => {
      if (!isCurrent()) return;
      this.#drop();
      this.#lose(reason === "" ? this.#reason : reason);
    };
    this.#expectSign(SILENT_MS);
  }

  #opened(socket: WebSocket): void {
    clearTimeout(this.#silence);
    this.#heard();
    this.#lostAt = null;
    this.#reason = null;
    this.#options.onPhase({ state: "open" });
    for (const each of this.#options.greeting()) socket.send(JSON.stringify(each));
    this.#renew();
    this.#watch = setInterval(() => this.#renew(), WATCH_MS / 2);
    this.#ping = setInterval(() => this.#askForSign(), PING_MS);
  }

  #received(text: string): void {
    this.#heard();
    if (text === "P") return;
    const parsed = this.#options.schema.safeParse(parseJson(text));
    if (!parsed.success) return;
    this.#attempt = 0;
    this.#options.onMessage(parsed.data);
  }

  /** Keeps what the edge said before it closed the channel. */
  explain(reason: string): void {
    this.#reason = reason;
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = undefined;
    this.#options.onHeard();
  }

  #renew(): void {
    if (document.visibilityState === "visible") this.send({ type: "watch" });
  }

  /** A hidden page asks for nothing, so that nothing wakes for it. */
  #askForSign(): void {
    if (document.visibilityState !== "visible" || this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send("p");
    if (this.#silence === undefined) this.#expectSign(SILENT_MS);
  }

  #expectSign(ms: number): void {
    this.#silence = setTimeout(() => {
      this.#drop();
      this.#lose("The edge did not answer.");
    }, ms);
  }

  #lose(reason: string | null): void {
    if (this.#isClosed) return;
    const now = Date.now();
    this.#lostAt ??= now;
    const delay = retryDelay(this.#attempt, Math.random());
    this.#attempt += 1;
    this.#options.onPhase({ state: "lost", since: this.#lostAt, retryAt: now + delay, reason });
    this.#retry = setTimeout(() => this.#connect(), delay);
  }

  readonly #onVisible = (): void => {
    if (document.visibilityState !== "visible") return;
    if (this.#lostAt !== null) {
      this.reconnect();
      return;
    }
    this.#renew();
    this.#askForSign();
  };

  readonly #onOnline = (): void => {
    if (this.#lostAt !== null) this.reconnect();
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
