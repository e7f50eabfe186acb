/** A client's connection that speaks HTTP/2: each of its streams is an exchange. */
import http2, { type Http2Stream, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { trailersOf } from "../../../protocol/exchange/fields.ts";
import type { RequestHead } from "../../../protocol/exchange/head.ts";
import { Http2Exchange } from "./http2-exchange.ts";
import { http2Request } from "./http2-request.ts";
import { RequestRefusal } from "./request-refusal.ts";
import type { ServerConnection, ServerContext } from "./server-connection.ts";

const { NGHTTP2_PROTOCOL_ERROR } = http2.constants;
const END_STREAM = http2.constants.NGHTTP2_FLAG_END_STREAM;

export class Http2Connection implements ServerConnection {
  readonly #context: ServerContext;
  readonly #session: ServerHttp2Session;
  readonly #exchanges = new Set<Http2Exchange>();
  #since: number;
  #isDraining = false;

  /** @param socket whose first bytes are the preface of HTTP/2 */
  constructor(socket: Socket, context: ServerContext) {
    this.#context = context;
    this.#since = context.now;
    const { limits } = context;
    // The library does not end a half-open socket, and so never its last stream (Node 24.21, November 2026).
    socket.allowHalfOpen = false;
    // In the next tick the library hands its session what the socket has buffered, piece by piece, even to a session that
    // was destroyed meanwhile, or by the piece before: that throws where nothing can catch it (Node 24.21, November 2026).
    // What is put off here runs just before: it leaves one piece, and none for a session that is gone.
    process.nextTick(() => {
      const buffered = takeBuffered(socket);
      if (buffered.length > 0 && !session.destroyed) socket.unshift(buffered);
    });
    const session = http2.performServerHandshake(socket, {
      maxSessionMemory: limits.connectionMemoryMb,
      // The library counts the pseudo-fields as well, and would reset the stream without a response.
      maxHeaderListPairs: limits.fields * 2,
      streamResetBurst: limits.resetBurst,
      streamResetRate: limits.resetRate,
      settings: {
        maxConcurrentStreams: limits.streams,
        initialWindowSize: limits.streamWindow,
        maxHeaderListSize: limits.headBytes,
        enableConnectProtocol: true,
        enablePush: false,
      },
    });
    this.#session = session;
    session.on("connect", () => {
      if (!session.destroyed) session.setLocalWindowSize(limits.connectionWindow);
    });
    session.on("stream", (stream, _headers, flags, raw: unknown) => this.#open(stream, flags, raw));
    session.on("error", () => {});
    session.on("close", () => {
      for (const exchange of this.#exchanges) exchange.closed();
      context.closed(this);
    });
    if (context.isDraining) this.drain();
  }

  /** Sends GOAWAY. The open streams continue. */
  drain(): void {
    this.#isDraining = true;
    if (!this.#session.closed) this.#session.close();
  }

  destroy(): void {
    this.#session.destroy();
  }

  check(now: number): void {
    const { limits } = this.#context;
    if (this.#exchanges.size > 0 || this.#session.destroyed) return;
    const ms = now - this.#since;
    if (this.#isDraining) {
      if (ms >= limits.lingerMs) this.#session.destroy();
    } else if (ms >= limits.keptMs) this.drain();
  }

  #open(stream: ServerHttp2Stream, flags: number, raw: unknown): void {
    let request: RequestHead;
    stream.on("error", () => {});
    try {
      request = http2Request(Array.isArray(raw) ? raw : []);
    } catch (thrown) {
      if (!(thrown instanceof RequestRefusal)) throw thrown;
      this.#context.refused(thrown);
      stream.close(NGHTTP2_PROTOCOL_ERROR);
      return;
    }
    const ended = (flags & END_STREAM) !== 0;
    const client = new Http2Exchange(stream, request);
    const exchange = this.#context.exchange({
      request,
      ...{ ended, expectsContinue: hasExpect(request), version: "2.0", client },
    });
    client.exchange = exchange;
    this.#exchanges.add(client);
    stream.on("close", () => {
      this.#exchanges.delete(client);
      this.#since = this.#context.now;
    });
    if (!ended) this.#read(stream, client);
    exchange.begin();
  }

  #read(stream: ServerHttp2Stream, client: Http2Exchange): void {
    let trailers: string[] = [];
    stream.on("data", (bytes: Buffer) => client.requestContent(bytes));
    (stream as Http2Stream).on("trailers", (_headers, _flags, raw?: unknown) => {
      if (Array.isArray(raw)) trailers = trailersOf(raw);
    });
    stream.on("end", () => client.requestEnd(trailers));
  }
}

const hasExpect = ({ fields }: RequestHead): boolean =>
  fields.some((name, index) => index % 2 === 0 && name === "expect");

/** Takes everything that a paused socket has buffered. */
function takeBuffered(socket: Socket): Buffer {
  const pieces: Buffer[] = [];
  for (let piece: unknown = socket.read(); piece instanceof Buffer; piece = socket.read()) pieces.push(piece);
  return Buffer.concat(pieces);
}
