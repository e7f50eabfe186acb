/** A client's connection that speaks HTTP/1.1: one request after the other, each an exchange. */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { fieldOf, hasNoContent, isTunnel, trailersOf } from "../../../protocol/exchange/fields.ts";
import type {
  Fields,
  InformationalHead,
  RequestHead,
  ResponseHead,
} from "../../../protocol/exchange/head.ts";
import { resetAfterFlush } from "../../relay/flushed-reset.ts";
import { corkForTurn } from "../cork.ts";
import { webSocketAccept } from "../websocket-accept.ts";
import type { Exchange, ExchangeClient } from "./exchange.ts";
import { responseToRefusal } from "./gateway-response.ts";
import { type ParsedRequest, type RequestEvents, RequestParser } from "./request-parser.ts";
import { RequestRefusal } from "./request-refusal.ts";
import type { ServerConnection, ServerContext } from "./server-connection.ts";

/** How the client finds the end of a response's content. */
type ResponseFraming = "none" | "length" | "chunked" | "close" | "tunnel";

/** Pieces of content below this size are copied between the lines of their chunk. Bytes. */
const COPY_BELOW = 4096;

const CRLF = Buffer.from("\r\n");
const NO_FIELDS: Fields = [];

export class Http1Connection implements ServerConnection, RequestEvents, ExchangeClient {
  readonly switchesBy2xx = false;
  readonly protocol = "http1";
  readonly queue: Socket;
  readonly #socket: Socket;
  readonly #context: ServerContext;
  readonly #parser: RequestParser;
  /** The request that is served, and its exchange; null between requests. */
  #request: ParsedRequest | null = null;
  #exchange: Exchange | null = null;
  #requestEnded = false;
  #hasContent = false;
  #responseEnded = false;
  #framing: ResponseFraming = "none";
  /** Whether another request may follow the one that is served. */
  #keepAlive = true;
  /** Bytes of further requests. */
  #pipelined: Buffer | null = null;
  /** Whether everything that still comes is dropped, because the connection is about to close. */
  #isClosing = false;
  /** Bytes that came of a request whose response has ended. */
  #lingered = 0;
  /** When the state began that is limited in time: a wait for a request, a head, or a client that closes. */
  #since: number;
  #isHeadNoted = false;

  /** @param socket half-open, and read by nothing else */
  constructor(socket: Socket, context: ServerContext) {
    this.queue = socket;
    this.#socket = socket;
    this.#context = context;
    this.#parser = new RequestParser(this, context.limits, context.scheme);
    this.#since = context.now;
    socket.on("data", (bytes: Buffer) => this.take(bytes));
    socket.on("end", () => this.#ended());
    socket.on("drain", () => this.#exchange?.drained());
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#exchange?.cancel();
      context.closed(this);
    });
  }

  /** Takes bytes of the client. */
  take(bytes: Buffer): void {
    if (this.#isClosing) {
      this.#linger(bytes.length);
      return;
    }
    if (this.#pipelined !== null) {
      this.#hold(bytes);
      return;
    }
    try {
      const taken = this.#parser.push(bytes);
      if (taken < bytes.length) this.#hold(bytes.subarray(taken));
      else if (this.#request === null && this.#parser.isWithinHead && bytes.length > 0) this.#noteHead();
    } catch (thrown) {
      if (!(thrown instanceof RequestRefusal)) throw thrown;
      this.#refuse(thrown);
    }
  }

  /** Closes the connection once it is idle. */
  drain(): void {
    this.#keepAlive = false;
    if (this.#request === null && !this.#parser.isWithinHead) this.#close();
  }

  /** Closes the connection now. */
  destroy(): void {
    this.#socket.resetAndDestroy();
  }

  check(now: number): void {
    const { limits } = this.#context;
    const ms = now - this.#since;
    if (this.#isClosing) {
      if (ms >= limits.lingerMs) this.#socket.destroy();
    } else if (this.#request !== null) {
      if (this.#responseEnded && ms >= limits.lingerMs) this.#close();
    } else if (this.#parser.isWithinHead) {
      if (ms >= limits.headMs)
        this.#refuse(new RequestRefusal(408, "The head of the request did not arrive in time."));
    } else if (ms >= (this.#socket.bytesRead === 0 ? limits.headMs : limits.keptMs)) this.#close();
  }

  // ---- the request (RequestEvents) ----------------------------------------------------------------------

  requestHead(request: ParsedRequest, ended: boolean): void {
    this.#parser.hold();
    this.#isHeadNoted = false;
    this.#hasContent = false;
    this.#request = request;
    this.#requestEnded = ended;
    this.#responseEnded = false;
    this.#lingered = 0;
    this.#keepAlive = request.keepAlive && !this.#context.isDraining;
    const { expectsContinue, isOld } = request;
    const head =
      isOld && request.head.authority === "" ? withAuthority(request.head, this.#socket) : request.head;
    const exchange = this.#context.exchange({
      request: head,
      ...{ ended, expectsContinue, version: isOld ? "1.0" : "1.1", client: this },
    });
    this.#exchange = exchange;
    exchange.begin();
  }

  requestContent(bytes: Buffer): void {
    const exchange = this.#exchange;
    this.#hasContent = true;
    if (this.#responseEnded) this.#linger(bytes.length);
    else if (exchange?.content(bytes) === false) this.#socket.pause();
  }

  requestEnd(trailers: readonly string[]): void {
    this.#requestEnded = true;
    this.#exchange?.end(trailersOf(trailers));
    this.#next();
  }

  // ---- the response (ExchangeClient) ----------------------------------------------------------------------

  informational({ status, fields }: InformationalHead): void {
    const request = this.#request;
    // HTTP/1.0 has none, and a client that did not ask for a 100 may not expect it.
    if (request === null || request.isOld || (status === 100 && !request.expectsContinue)) return;
    this.#socket.write(`${statusLine(status)}${lines(fields)}\r\n`, "latin1");
  }

  respond(head: ResponseHead, ended: boolean): void {
    const request = this.#request;
    if (request === null) return;
    const { status } = head;
    const isSwitch = isTunnel(request.head, status);
    this.#framing = isSwitch ? "tunnel" : this.#framingOf(request, head, ended);
    if (isSwitch || this.#framing === "close") this.#keepAlive = false;
    // The content of a refused upgrade or CONNECT cannot be told from the next request.
    if (!isSwitch && (request.head.protocol !== undefined || request.head.method === "CONNECT")) {
      this.#keepAlive = false;
    }
    // A client that waited for a 100 may leave its content out: what follows could be either.
    if (request.expectsContinue && !this.#requestEnded && !this.#hasContent) this.#keepAlive = false;
    let text = statusLine(status) + lines(head.fields, this.#framing === "chunked" || isSwitch);
    if (status === 101) text += this.#switchLines(request);
    else if (this.#framing === "chunked") text += "transfer-encoding: chunked\r\n";
    else if (this.#framing === "none" && needsLength(request.head.method, head))
      text += "content-length: 0\r\n";
    if (status !== 101) {
      if (!this.#keepAlive && !isSwitch) text += "connection: close\r\n";
      else if (request.isOld && this.#keepAlive) text += "connection: keep-alive\r\n";
    }
    this.#socket.write(`${text}\r\n`, "latin1");
    if (ended) this.end(NO_FIELDS);
  }

  content(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (this.#framing === "none") return true;
    if (this.#framing !== "chunked") return socket.write(bytes);
    const size = `${bytes.length.toString(16)}\r\n`;
    if (bytes.length >= COPY_BELOW) {
      socket.write(size, "latin1");
      socket.write(bytes);
      return socket.write(CRLF);
    }
    const chunk = Buffer.allocUnsafe(size.length + bytes.length + 2);
    chunk.write(size, 0, "latin1");
    chunk.set(bytes, size.length);
    chunk[chunk.length - 2] = 13;
    chunk[chunk.length - 1] = 10;
    return socket.write(chunk);
  }

  end(trailers: Fields): void {
    if (this.#framing === "chunked") this.#socket.write(`0\r\n${lines(trailers)}\r\n`, "latin1");
    this.#responseEnded = true;
    this.#since = this.#context.now;
    if (this.#framing === "tunnel") {
      this.#socket.end();
      return;
    }
    // What is left of the request is read and dropped, so that the client gets to read its response.
    if (!this.#requestEnded) {
      if (this.#request?.expectsContinue === true && !this.#hasContent) {
        this.#close();
        return;
      }
      this.#socket.resume();
    }
    this.#next();
  }

  abort(): void {
    this.#isClosing = true;
    this.#since = this.#context.now;
    resetAfterFlush(this.#socket);
  }

  resumeRequest(): void {
    if (!this.#responseEnded) this.#socket.resume();
  }

  cork(): void {
    corkForTurn(this.#socket);
  }

  // ---- the connection ---------------------------------------------------------------------------------------

  get #isBusy(): boolean {
    return this.#request !== null;
  }

  /** Goes on with the next request once the one before is over in both directions. */
  #next(): void {
    if (!this.#isBusy || !this.#requestEnded || !this.#responseEnded) return;
    this.#request = null;
    this.#exchange = null;
    this.#since = this.#context.now;
    if (!this.#keepAlive) {
      this.#close();
      return;
    }
    this.#parser.release();
    if (this.#pipelined === null) return;
    // Not within the parser or the exchange that called. What comes until then is held behind what is held now.
    setImmediate(() => {
      const pipelined = this.#pipelined;
      if (pipelined === null) return;
      this.#pipelined = null;
      this.#socket.resume();
      this.take(pipelined);
    });
  }

  /** Keeps bytes of a request that cannot be served yet. */
  #hold(bytes: Buffer): void {
    const held = this.#pipelined;
    this.#pipelined = held === null ? Buffer.from(bytes) : Buffer.concat([held, bytes]);
    if (this.#pipelined.length >= this.#context.limits.pipelinedBytes) this.#socket.pause();
  }

  /** A head has begun: its time runs from its first byte. */
  #noteHead(): void {
    if (this.#isHeadNoted) return;
    this.#isHeadNoted = true;
    this.#since = this.#context.now;
  }

  #refuse(refusal: RequestRefusal): void {
    this.#keepAlive = false;
    const exchange = this.#exchange;
    if (exchange !== null && !exchange.hasEnded) {
      this.#requestEnded = true;
      exchange.refuse(refusal);
      return;
    }
    if (exchange === null) {
      const { head, content } = responseToRefusal(refusal);
      const text = `${statusLine(head.status)}${lines(head.fields)}connection: close\r\n\r\n`;
      this.#socket.cork();
      this.#socket.write(text, "latin1");
      this.#socket.write(content);
      this.#socket.uncork();
      this.#context.refused(refusal);
    }
    this.#close();
  }

  /** Sends FIN, and gives the client time to read what was sent and to close. */
  #close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#since = this.#context.now;
    this.#lingered = 0;
    this.#socket.end();
    this.#socket.resume();
    if (this.#socket.readableEnded) this.#socket.destroySoon();
  }

  /** Drops bytes that come too late. Beyond the limit the client is no longer read: it still gets its response. */
  #linger(bytes: number): void {
    this.#lingered += bytes;
    if (this.#lingered <= this.#context.limits.lingerBytes) return;
    this.#socket.pause();
    this.#keepAlive = false;
    if (!this.#isClosing) this.#close();
    this.#socket.pause();
  }

  #ended(): void {
    const exchange = this.#exchange;
    if (this.#framing === "tunnel" && exchange !== null) {
      exchange.end(NO_FIELDS);
      return;
    }
    // A client that has closed cannot be told from a client that has finished to send: as with other servers, its
    // request is cancelled (docs/http.md).
    exchange?.cancel();
    this.#socket.destroySoon();
  }

  #framingOf(request: ParsedRequest, { status, fields }: ResponseHead, ended: boolean): ResponseFraming {
    if (hasNoContent(request.head.method, status)) return "none";
    if (fieldOf(fields, "content-length") !== null) return "length";
    if (ended) return "none";
    return request.isOld ? "close" : "chunked";
  }

  #switchLines({ head, webSocketKey }: ParsedRequest): string {
    const accept = webSocketKey === null ? "" : `sec-websocket-accept: ${webSocketAccept(webSocketKey)}\r\n`;
    return `connection: upgrade\r\nupgrade: ${head.protocol ?? ""}\r\n${accept}`;
  }
}

/** The head of a request without Host, with the address that the client connected to (RFC 9112 §3.3). */
function withAuthority(head: RequestHead, { localAddress = "", localPort = 0 }: Socket): RequestHead {
  const host = localAddress.includes(":") ? `[${localAddress}]` : localAddress;
  return { ...head, authority: `${host}:${localPort}` };
}

/** Whether a response without content must say so. */
function needsLength(method: string, { status, fields }: ResponseHead): boolean {
  return !hasNoContent(method, status) && fieldOf(fields, "content-length") === null;
}

const statusLine = (status: number): string => `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;

/** @param withoutLength whether Content-Length is left out, because the content is framed in another way */
function lines(fields: Fields, withoutLength = false): string {
  let text = "";
  for (let at = 0; at < fields.length; at += 2) {
    if (withoutLength && fields[at] === "content-length") continue;
    text += `${fields[at]}: ${fields[at + 1]}\r\n`;
  }
  return text;
}
