/**
 * An HTTP/2 session to a target, which carries many requests at the same time. Node answers pings by itself; this side
 * sends none, because targets end sessions for them, and the kernel probes idle connections.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import type { Duplex } from "node:stream";
import { FairleadError } from "../../../protocol/errors.ts";
import { endToEnd, fieldOf, trailersOf } from "../../../protocol/exchange/fields.ts";
import { isGrpc } from "../../../protocol/exchange/grpc.ts";
import type { Fields, RequestHead } from "../../../protocol/exchange/head.ts";
import { webSocketAccept } from "../websocket-accept.ts";
import type { ClientLimits } from "./client-limits.ts";
import type { TargetConnection, TargetEvents, TargetExchange } from "./target-exchange.ts";

/** Streams of one session. Their windows together fit the session's, so that no stalled one delays another. */
const MAX_STREAMS = 100;
const STREAM_WINDOW = 128 * 1024;
const SESSION_WINDOW = MAX_STREAMS * STREAM_WINDOW;

const OPTIONS = {
  /** MB. Node refuses streams beyond it, and 10 is too little for streams that wait for slow readers. */
  maxSessionMemory: 32,
  maxHeaderListPairs: 128,
  settings: { enablePush: false, initialWindowSize: STREAM_WINDOW, maxHeaderListSize: 64 * 1024 },
};

/** Codes of Node for a request that was never sent. */
const UNSENT: ReadonlySet<string> = new Set([
  "ERR_HTTP2_GOAWAY_SESSION",
  "ERR_HTTP2_INVALID_SESSION",
  "ERR_HTTP2_OUT_OF_STREAMS",
]);

export interface Http2ConnectionEvents {
  /** The session has no streams. */
  idle(connection: Http2Connection): void;
  /** The session takes no further requests. */
  closed(connection: Http2Connection): void;
}

export class Http2Connection implements TargetConnection {
  readonly version = "2";
  readonly #session: ClientHttp2Session;
  readonly #socket: Duplex;
  readonly #events: Http2ConnectionEvents;
  readonly #limits: ClientLimits;
  #streams = 0;
  #isClosed = false;
  /** The last stream that the target may have processed, once it has said so. */
  #lastStream = Number.POSITIVE_INFINITY;

  /**
   * Starts a session with prior knowledge.
   * @throws FairleadError exchange.bad_response when the target does not speak HTTP/2, stream.cancelled
   */
  static async open(
    socket: Duplex,
    events: Http2ConnectionEvents,
    limits: ClientLimits,
    signal: AbortSignal,
  ): Promise<Http2Connection> {
    // Node does not notice the end of a half-open socket under a session (24.21, November 2026).
    if ("allowHalfOpen" in socket) socket.allowHalfOpen = false;
    const session = connect("http://target", { ...OPTIONS, createConnection: () => socket });
    session.on("error", () => {});
    session.setLocalWindowSize(SESSION_WINDOW);
    await new Promise<void>((resolve, reject) => {
      const settle = (error: FairleadError | null) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", cancelled);
        session.off("remoteSettings", ready);
        session.off("close", closed);
        if (error === null) resolve();
        else {
          session.destroy();
          socket.destroy();
          reject(error);
        }
      };
      const ready = () => settle(null);
      const cancelled = () => settle(new FairleadError("stream.cancelled"));
      const closed = () => settle(notHttp2());
      const timer = setTimeout(closed, limits.connectMs);
      session.once("remoteSettings", ready);
      session.once("close", closed);
      if (signal.aborted) cancelled();
      else signal.addEventListener("abort", cancelled);
    });
    return new Http2Connection(session, socket, events, limits);
  }

  private constructor(
    session: ClientHttp2Session,
    socket: Duplex,
    events: Http2ConnectionEvents,
    limits: ClientLimits,
  ) {
    this.#session = session;
    this.#socket = socket;
    this.#events = events;
    this.#limits = limits;
    session.on("goaway", (_code: number, last: number) => {
      this.#lastStream = Math.min(this.#lastStream, last);
      this.#close();
    });
    session.on("close", () => this.#close());
  }

  /** Whether the session takes another request. */
  get isUsable(): boolean {
    const { closed, destroyed, remoteSettings } = this.#session;
    const most = Math.min(remoteSettings?.maxConcurrentStreams ?? MAX_STREAMS, MAX_STREAMS);
    return !this.#isClosed && !closed && !destroyed && this.#streams < most;
  }

  /** Requests that have not ended, and places that are kept for requests. */
  get streams(): number {
    return this.#streams;
  }

  /** Keeps a place for a request, which {@link send} or {@link abandon} follows. */
  reserve(): this {
    this.#streams++;
    return this;
  }

  abandon(): void {
    this.#ended();
  }

  /** Takes no further requests, and ends once the current ones have ended. */
  close(): void {
    this.#close();
    if (!this.#session.closed && !this.#session.destroyed) this.#session.close();
  }

  /** Ends the session and all its requests. */
  destroy(): void {
    this.#close();
    this.#session.destroy();
  }

  send(head: RequestHead, ended: boolean, events: TargetEvents): TargetExchange {
    if (head.protocol !== undefined && this.#session.remoteSettings.enableConnectProtocol !== true) {
      this.#ended();
      throw new FairleadError(
        "exchange.refused",
        `The target does not take the upgrade to ${head.protocol}: it does not speak RFC 8441.`,
      );
    }
    // Trailers cost a frame at the end, and gRPC has none in requests.
    const stream = this.#session.request(requestLines(head), {
      endStream: ended,
      waitForTrailers: !ended && !isGrpc(head) && head.protocol === undefined && head.method !== "CONNECT",
    });
    stream.once("close", () => this.#ended());
    return new Http2Exchange({ stream, head, ended, events, queue: this.#socket, connection: this });
  }

  /** Whether the target said that it did not process the stream. */
  isUnprocessed(stream: ClientHttp2Stream): boolean {
    return stream.id === undefined || stream.id > this.#lastStream;
  }

  get limits(): ClientLimits {
    return this.#limits;
  }

  #ended(): void {
    this.#streams--;
    if (this.#streams === 0 && !this.#isClosed) this.#events.idle(this);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#events.closed(this);
  }
}

function notHttp2(): FairleadError {
  return new FairleadError("exchange.bad_response", "The target does not speak HTTP/2.", {
    action: "Offer the service with /http if its target speaks HTTP/1.1.",
  });
}

/** Fields of an HTTP/1.1 client's handshake, which HTTP/2 does not have (RFC 8441 §5). */
const NOT_IN_CONNECT: ReadonlySet<string> = new Set(["sec-websocket-key", "host"]);

function requestLines(head: RequestHead): string[] {
  const { method, scheme, authority, path, protocol, fields } = head;
  const lines = [":method", protocol === undefined ? method : "CONNECT"];
  if (protocol !== undefined) lines.push(":protocol", protocol);
  if (method !== "CONNECT" || protocol !== undefined) lines.push(":scheme", scheme, ":path", path);
  if (authority !== "") lines.push(":authority", authority);
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? "";
    if (protocol === undefined || !NOT_IN_CONNECT.has(name)) lines.push(name, fields[at + 1] ?? "");
  }
  return lines;
}

interface Http2ExchangeOptions {
  readonly stream: ClientHttp2Stream;
  readonly head: RequestHead;
  readonly ended: boolean;
  readonly events: TargetEvents;
  readonly queue: Duplex;
  readonly connection: Http2Connection;
}

class Http2Exchange implements TargetExchange {
  readonly queue: Duplex;
  readonly #stream: ClientHttp2Stream;
  readonly #head: RequestHead;
  readonly #events: TargetEvents;
  readonly #connection: Http2Connection;
  #isOpen = true;
  #isWhole: boolean;
  #hasHead = false;
  #isResponseEnded = false;
  #informational = 0;
  #trailers: Fields = [];
  #requestTrailers: Fields = [];

  constructor({ stream, head, ended, events, queue, connection }: Http2ExchangeOptions) {
    this.#stream = stream;
    this.#head = head;
    this.#events = events;
    this.#connection = connection;
    this.#isWhole = ended;
    this.queue = queue;
    stream.on("error", (error) => this.#fail(error));
    stream.on("close", () => this.#closed());
    stream.on("continue", () => this.#inform(100, []));
    stream.on("headers", (headers, _flags, raw?: string[]) => {
      const status = Number(headers[":status"]);
      if (status >= 100 && status < 200) this.#inform(status, raw ?? []);
    });
    stream.on("response", (headers, flags, raw?: string[]) =>
      this.#take(Number(headers[":status"]), flags, raw ?? []),
    );
    stream.on("trailers", (_headers, _flags, raw?: string[]) => {
      this.#trailers = raw ?? [];
    });
    stream.on("end", () => this.#ended());
    stream.on("drain", () => {
      if (this.#isOpen) this.#events.drained();
    });
    stream.on("wantTrailers", () => this.#sendTrailers());
  }

  content(bytes: Uint8Array): boolean {
    const stream = this.#stream;
    if (!this.#isOpen || stream.destroyed || stream.writableEnded) return true;
    return stream.write(bytes);
  }

  end(trailers: Fields): void {
    this.#isWhole = true;
    if (!this.#isOpen || this.#stream.destroyed) return;
    this.#requestTrailers = trailers;
    this.#stream.end();
  }

  pause(): void {
    if (this.#isOpen) this.#stream.pause();
  }

  resume(): void {
    if (this.#isOpen) this.#stream.resume();
  }

  cork(): void {
    if (this.#isOpen) this.#stream.cork();
  }

  uncork(): void {
    this.#stream.uncork();
  }

  cancel(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (!this.#stream.destroyed) this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #inform(status: number, raw: readonly string[]): void {
    if (!this.#isOpen) return;
    if (++this.#informational > this.#connection.limits.informational) {
      this.#refuse("it has too many informational responses");
      return;
    }
    this.#events.informational({ status, fields: endToEnd(raw) });
  }

  #take(status: number, flags: number, raw: readonly string[]): void {
    if (!this.#isOpen) return;
    const { fields: limit } = this.#connection.limits;
    const given = endToEnd(raw);
    if (given.length > limit * 2) {
      this.#refuse(`it has more than ${limit} fields`);
      return;
    }
    this.#hasHead = true;
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    const isSwitched = this.#head.protocol !== undefined && status >= 200 && status < 300 && !ended;
    const key = isSwitched ? fieldOf(this.#head.fields, "sec-websocket-key") : null;
    // The HTTP/1.1 client expects the proof that its server would give.
    const fields = key === null ? given : [...given, "sec-websocket-accept", webSocketAccept(key)];
    this.#isResponseEnded = ended;
    this.#events.head({ status: isSwitched ? 101 : status, fields }, ended);
    if (ended) this.#stream.resume();
    else this.#stream.on("data", (bytes: Buffer) => this.#receive(bytes));
  }

  #receive(bytes: Buffer): void {
    if (this.#isOpen) this.#events.content(bytes);
  }

  #ended(): void {
    if (!this.#isOpen || this.#isResponseEnded) return;
    // Node ends a stream that the target has reset, too (24.21, November 2026).
    if (this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR || !this.#hasHead) return;
    this.#isResponseEnded = true;
    this.#events.end(trailersOf(this.#trailers));
  }

  #closed(): void {
    if (!this.#isOpen) return;
    if (this.#isResponseEnded) {
      this.#isOpen = false;
      if (!this.#isWhole) this.#events.unwanted();
    } else this.#fail(null);
  }

  #fail(error: Error | null): void {
    if (!this.#isOpen || this.#isResponseEnded) return;
    this.#isOpen = false;
    this.#events.failed(this.#reason(error));
  }

  #reason(error: Error | null): FairleadError {
    const stream = this.#stream;
    const code = error !== null && "code" in error && typeof error.code === "string" ? error.code : "";
    const isRefused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    if (!this.#hasHead && (isRefused || UNSENT.has(code) || this.#connection.isUnprocessed(stream))) {
      return new FairleadError("exchange.refused", "The target refused the request before it looked at it.");
    }
    const name = stream.rstCode === 0 ? code : `HTTP/2 error ${stream.rstCode}`;
    const detail = name === "" ? "" : ` (${name})`;
    return new FairleadError(
      "exchange.failed",
      `The target ended the request before its response was complete${detail}.`,
    );
  }

  #refuse(why: string): void {
    this.#isOpen = false;
    this.#stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
    const text = `The target's response is not valid HTTP: ${why}.`;
    this.#events.failed(new FairleadError("exchange.bad_response", text));
  }

  #sendTrailers(): void {
    const trailers: Record<string, string | string[]> = {};
    for (let at = 0; at < this.#requestTrailers.length; at += 2) {
      const name = this.#requestTrailers[at] ?? "";
      const value = this.#requestTrailers[at + 1] ?? "";
      const before = trailers[name];
      trailers[name] = before === undefined ? value : [before, value].flat();
    }
    if (!this.#stream.destroyed) this.#stream.sendTrailers(trailers);
  }
}
