/** One stream of a client's HTTP/2 connection, as the client's end of an exchange. */
import http2, { type ServerHttp2Stream } from "node:http2";
import { FairleadError } from "../../../protocol/errors.ts";
import { isTunnel } from "../../../protocol/exchange/fields.ts";
import { isGrpc } from "../../../protocol/exchange/grpc.ts";
import type {
  Fields,
  InformationalHead,
  RequestHead,
  ResponseHead,
} from "../../../protocol/exchange/head.ts";
import { corkForTurn } from "../cork.ts";
import type { Exchange, ExchangeClient } from "./exchange.ts";
import { grpcTrailers } from "./gateway-response.ts";

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = http2.constants;

/**
 * How long after an early response the rest of its request is reset, ms. curl 7.88 (Debian 12) takes a response for none
 * that arrives together with a reset.
 */
const RESET_DELAY_MS = 100;

export class Http2Exchange implements ExchangeClient {
  readonly switchesBy2xx = true;
  readonly protocol = "http2";
  readonly queue: ServerHttp2Stream;
  readonly #stream: ServerHttp2Stream;
  readonly #request: RequestHead;
  #exchange: Exchange | null = null;
  #trailers: Fields = [];
  #requestEnded = false;
  #responseEnded = false;
  #awaitsTrailers = false;
  /** Resets the stream after the trailers were sent; null unless the request is to be reset. */
  #afterTrailers: (() => void) | null = null;

  constructor(stream: ServerHttp2Stream, request: RequestHead) {
    this.queue = stream;
    this.#stream = stream;
    this.#request = request;
    stream.on("drain", () => this.#exchange?.drained());
    stream.on("close", () => this.closed());
    stream.on("wantTrailers", () => this.#sendTrailers());
  }

  set exchange(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** The stream is gone, with or without the connection. */
  closed(): void {
    if (!this.#responseEnded || this.#stream.rstCode !== NGHTTP2_NO_ERROR) {
      const why = `The client reset its stream with the code ${this.#stream.rstCode}.`;
      this.#exchange?.cancel(new FairleadError("stream.cancelled", why));
    }
  }

  // ---- the request -------------------------------------------------------------------------------------

  requestContent(bytes: Buffer): void {
    // After its response, the rest of a request is dropped: the stream is about to be reset.
    if (this.#exchange?.content(bytes) === false) this.#stream.pause();
  }

  requestEnd(trailers: Fields): void {
    this.#requestEnded = true;
    // A reset also ends the stream for its reader.
    if (!this.#stream.aborted && !this.#stream.destroyed) this.#exchange?.end(trailers);
  }

  // ---- the response (ExchangeClient) ---------------------------------------------------------------------

  informational({ status, fields }: InformationalHead): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed || stream.headersSent) return;
    stream.additionalHeaders({ ":status": status, ...byName(fields) });
  }

  respond(head: ResponseHead, ended: boolean): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed || stream.headersSent) return;
    const isSwitch = isTunnel(this.#request, head.status);
    const status = head.status === 101 ? 200 : head.status;
    this.#awaitsTrailers = !ended && !isSwitch;
    stream.respond([":status", String(status), ...head.fields], {
      endStream: ended,
      waitForTrailers: this.#awaitsTrailers,
    });
    if (ended) this.#ended();
  }

  content(bytes: Uint8Array): boolean {
    if (this.#stream.destroyed || this.#stream.closed) return true;
    return this.#stream.write(bytes);
  }

  end(trailers: Fields): void {
    if (this.#stream.destroyed || this.#stream.closed) return;
    this.#trailers = trailers;
    this.#stream.end();
    this.#ended();
  }

  /** A gRPC call ends with a status that says so: its client tells a broken call from an error of the server. */
  abort(error: FairleadError): void {
    if (this.#stream.destroyed || this.#stream.closed) return;
    if (isGrpc(this.#request)) this.end(grpcTrailers(error));
    else {
      this.#responseEnded = true;
      this.#stream.close(NGHTTP2_INTERNAL_ERROR);
    }
  }

  resumeRequest(): void {
    this.#stream.resume();
  }

  cork(): void {
    corkForTurn(this.#stream);
  }

  /** A request whose response has ended is reset with NO_ERROR (RFC 9113 §8.1): nobody reads the rest. */
  #ended(): void {
    this.#responseEnded = true;
    const stream = this.#stream;
    if (this.#requestEnded || stream.readableEnded || stream.endAfterHeaders) return;
    const reset = () => {
      setTimeout(() => {
        if (!this.#requestEnded && !stream.closed && !stream.destroyed) stream.close(NGHTTP2_NO_ERROR);
      }, RESET_DELAY_MS).unref();
    };
    // The stream has finished before its trailers are sent, and a reset would overtake them.
    if (this.#awaitsTrailers) this.#afterTrailers = reset;
    else if (stream.writableFinished) reset();
    else stream.once("finish", reset);
    stream.resume();
  }

  #sendTrailers(): void {
    // The client may have reset the stream meanwhile.
    if (this.#stream.destroyed || this.#stream.closed) return;
    this.#stream.sendTrailers(byName(this.#trailers));
    this.#afterTrailers?.();
  }
}

/** Fields as the library takes them: several lines of a name are a list. */
function byName(fields: Fields): Record<string, string | string[]> {
  const named: Record<string, string | string[]> = {};
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? "";
    const value = fields[at + 1] ?? "";
    const before = named[name];
    if (before === undefined) named[name] = value;
    else named[name] = [before, value].flat();
  }
  return named;
}
