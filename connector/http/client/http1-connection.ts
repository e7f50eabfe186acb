/** A connection to a target that speaks HTTP/1.1: one request at a time, and the next one once both sides are done. */
import type { Socket } from "node:net";
import { FairleadError } from "../../../protocol/errors.ts";
import { endToEnd, fieldOf, trailersOf } from "../../../protocol/exchange/fields.ts";
import type { Fields, RequestHead, ResponseHead } from "../../../protocol/exchange/head.ts";
import { readAfterBrokenWrite } from "../../relay/broken-write.ts";
import { resetSocket } from "../../relay/flushed-reset.ts";
import { webSocketAccept } from "../websocket-accept.ts";
import type { ClientLimits } from "./client-limits.ts";
import { chunkedEnd, framingOf, type RequestFraming, requestText } from "./request-text.ts";
import { type ResponseEvents, ResponseParser } from "./response-parser.ts";
import type { TargetConnection, TargetEvents, TargetExchange } from "./target-exchange.ts";
import { webSocketKey } from "./websocket-key.ts";

export interface Http1ConnectionEvents {
  /** The connection can carry another request. */
  idle(connection: Http1Connection): void;
  /** The connection is gone. */
  closed(connection: Http1Connection): void;
}

const CRLF = Buffer.from("\r\n");

export class Http1Connection implements TargetConnection, ResponseEvents {
  readonly version = "1.1";
  readonly socket: Socket;
  readonly #events: Http1ConnectionEvents;
  readonly #parser: ResponseParser;
  #exchange: Http1Exchange | null = null;

  /** @param socket connected, half-open, and read by nothing else */
  constructor(socket: Socket, events: Http1ConnectionEvents, limits: ClientLimits) {
    this.socket = socket;
    this.#events = events;
    this.#parser = new ResponseParser(this, limits);
    // What the target responded before it closed is read, although the request can no longer be written.
    readAfterBrokenWrite(socket);
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.on("end", () => this.#ended());
    socket.on("error", (error) => this.#fail(lost(error)));
    socket.on("drain", () => this.#exchange?.drained());
    socket.on("close", () => {
      this.#fail(lost(null));
      events.closed(this);
    });
  }

  /** Whether a request can be sent: nothing is known that would speak against it. */
  get isUsable(): boolean {
    const { destroyed, readableEnded, writable } = this.socket;
    return this.#exchange === null && !destroyed && !readableEnded && writable;
  }

  /** How long the target says that it keeps the connection without a request, ms; null when it does not say. */
  get keepAliveHintMs(): number | null {
    return this.#parser.keepAliveHintMs;
  }

  send(head: RequestHead, ended: boolean, events: TargetEvents): TargetExchange {
    const exchange = new Http1Exchange(this, events);
    this.#exchange = exchange;
    const method = head.method === "CONNECT" && head.protocol !== undefined ? "GET" : head.method;
    this.#parser.begin({ method, upgrade: head.protocol !== undefined });
    exchange.begin(head, ended);
    return exchange;
  }

  abandon(): void {
    if (this.isUsable) this.#events.idle(this);
    else this.close();
  }

  /** Whether the connection carries another protocol from here on. */
  get isRaw(): boolean {
    return this.#parser.isRaw;
  }

  /** Ends the connection at once, such that the target does not take the end for an orderly one. */
  destroy(): void {
    this.#exchange = null;
    if (!this.socket.destroyed) resetSocket(this.socket);
  }

  /** Closes a connection without a request. */
  close(): void {
    this.socket.destroy();
  }

  /** The exchange has nothing more to send. */
  requestEnded(): void {
    if (this.#parser.isIdle) this.#finish();
  }

  // ---- events of the parser ------------------------------------------------------------------------

  informational(head: ResponseHead): void {
    this.#exchange?.informational(head);
  }

  head(head: ResponseHead, ended: boolean): void {
    this.#exchange?.head(head, ended);
    if (ended) this.#finish();
  }

  content(bytes: Uint8Array): void {
    this.#exchange?.received(bytes);
  }

  end(trailers: Fields): void {
    this.#exchange?.responseEnded(trailers);
    this.#finish();
  }

  // ---- the socket ----------------------------------------------------------------------------------

  #take(bytes: Buffer): void {
    if (this.#exchange === null && this.#parser.isIdle) {
      // Nobody asked: a farewell such as 408, or an attempt to answer the next request in advance.
      this.close();
      return;
    }
    try {
      this.#parser.push(bytes);
    } catch (error) {
      this.#fail(
        error instanceof FairleadError ? error : new FairleadError("stream.internal", String(error)),
      );
      this.destroy();
    }
  }

  #ended(): void {
    const wasRaw = this.#parser.isRaw;
    if (!this.#parser.finish()) this.#fail(lost(null));
    // A tunnel ends in each direction by itself.
    if (!wasRaw || this.#exchange === null) this.socket.destroy();
  }

  #fail(error: FairleadError): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.failed(error);
  }

  /** The response is complete. */
  #finish(): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (!this.#parser.keepAlive && !exchange.isTunnel) {
      this.#exchange = null;
      exchange.released();
      this.socket.destroySoon();
      return;
    }
    if (!exchange.isRequestEnded) return;
    this.#exchange = null;
    exchange.released();
    if (exchange.isTunnel) {
      this.socket.destroySoon();
      return;
    }
    if (this.socket.isPaused()) this.socket.resume();
    if (this.isUsable) this.#events.idle(this);
    else this.close();
  }
}

/** The error of a connection that ended before the response did. */
function lost(cause: Error | null): FairleadError {
  const code = cause !== null && "code" in cause && typeof cause.code === "string" ? ` (${cause.code})` : "";
  return new FairleadError(
    "exchange.failed",
    `The target closed its connection before the response was complete${code}.`,
  );
}

class Http1Exchange implements TargetExchange {
  readonly #connection: Http1Connection;
  readonly #events: TargetEvents;
  readonly #socket: Socket;
  #framing: RequestFraming = "none";
  /** Whether the connection is still this exchange's. */
  #isOpen = true;
  /** Whether the target gets nothing more of the request. */
  #isRequestEnded = false;
  /** Whether the client sent the whole request. */
  #isWhole = false;
  #isResponseEnded = false;
  /** Whether the connection carries another protocol from here on. */
  #isRaw = false;
  #isWaiting = false;
  /** Content of a tunnel that came before the target agreed to it. */
  #early: Uint8Array[] = [];
  #endsEarly = false;
  /** The key that this side made, or that of the client. */
  #key: string | null = null;
  #isOwnKey = false;

  constructor(connection: Http1Connection, events: TargetEvents) {
    this.#connection = connection;
    this.#socket = connection.socket;
    this.#events = events;
  }

  get queue(): Socket {
    return this.#socket;
  }

  get isTunnel(): boolean {
    return this.#isRaw;
  }

  get isRequestEnded(): boolean {
    return this.#isRequestEnded;
  }

  begin(head: RequestHead, ended: boolean): void {
    this.#framing = framingOf(head, ended);
    if (head.protocol?.toLowerCase() === "websocket") {
      this.#key = fieldOf(head.fields, "sec-websocket-key");
      this.#isOwnKey = this.#key === null;
      this.#key ??= webSocketKey();
    }
    const text = requestText(head, this.#framing, this.#isOwnKey ? this.#key : null);
    this.#socket.write(text, "latin1");
    if (ended) this.#endRequest();
  }

  content(bytes: Uint8Array): boolean {
    if (!this.#isOpen) return true;
    const socket = this.#socket;
    if (this.#framing === "tunnel" && !this.#isRaw) {
      this.#early.push(bytes);
      this.#isWaiting = true;
      return false;
    }
    let more: boolean;
    if (this.#framing === "chunked") {
      socket.cork();
      socket.write(`${bytes.length.toString(16)}\r\n`, "latin1");
      socket.write(bytes);
      more = socket.write(CRLF);
      socket.uncork();
    } else more = socket.write(bytes);
    if (!more) this.#isWaiting = true;
    return more;
  }

  end(trailers: Fields): void {
    if (!this.#isOpen || this.#isRequestEnded) return;
    if (this.#framing === "tunnel") {
      if (this.#isRaw) this.#socket.end();
      else {
        // A target that has not agreed to the tunnel could take a half-close for the end of its client.
        this.#endsEarly = true;
        this.#isWhole = true;
        return;
      }
    } else if (this.#framing === "chunked") this.#socket.write(chunkedEnd(trailers), "latin1");
    this.#endRequest();
  }

  pause(): void {
    if (this.#isOpen) this.#socket.pause();
  }

  resume(): void {
    if (this.#isOpen) this.#socket.resume();
  }

  cork(): void {
    if (this.#isOpen) this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  cancel(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#connection.destroy();
  }

  // ---- from the connection -------------------------------------------------------------------------

  informational({ status, fields }: ResponseHead): void {
    this.#events.informational({ status, fields: endToEnd(fields) });
  }

  head(head: ResponseHead, ended: boolean): void {
    const { status } = head;
    let fields = head.fields;
    if (ended) this.#isResponseEnded = true;
    if (status === 101 && this.#key !== null) {
      if (fieldOf(fields, "sec-websocket-accept") !== webSocketAccept(this.#key)) {
        throw new FairleadError(
          "exchange.bad_response",
          "The target switched to WebSocket without proof that it read the request.",
        );
      }
      if (this.#isOwnKey) fields = without(fields, "sec-websocket-accept");
    }
    const isTunnel = this.#connection.isRaw;
    this.#isRaw = isTunnel;
    this.#events.head({ status, fields: endToEnd(fields) }, ended);
    if (isTunnel) this.#openTunnel();
    // A refused tunnel takes nothing.
    else if (this.#framing === "tunnel") this.#isRequestEnded = true;
  }

  received(bytes: Uint8Array): void {
    this.#events.content(bytes);
  }

  responseEnded(trailers: Fields): void {
    this.#isResponseEnded = true;
    this.#events.end(trailersOf(trailers));
  }

  drained(): void {
    if (!this.#isWaiting || !this.#isOpen) return;
    this.#isWaiting = false;
    this.#events.drained();
  }

  failed(error: FairleadError): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (!this.#isResponseEnded) this.#events.failed(error);
    else if (!this.#isWhole) this.#events.unwanted();
  }

  /** The connection is no longer this exchange's: the response is complete. */
  released(): void {
    this.#isOpen = false;
    if (!this.#isWhole) this.#events.unwanted();
  }

  #openTunnel(): void {
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) this.#socket.write(bytes);
    if (this.#endsEarly) {
      this.#socket.end();
      this.#isRequestEnded = true;
    } else if (this.#isWaiting && !this.#socket.writableNeedDrain) this.drained();
  }

  #endRequest(): void {
    this.#isRequestEnded = true;
    this.#isWhole = true;
    this.#connection.requestEnded();
  }
}

function without(fields: Fields, name: string): Fields {
  return fields.filter((_, at) => fields[at - (at % 2)] !== name);
}
