/**
 * The other end of exchanges, without a session: it accepts each stream, decodes the request, and lets a handler respond.
 * It counts the requests, as a target would.
 */
import type { Duplex } from "node:stream";
import type {
  ExchangeOpener,
  ExchangeStream,
  OpenedExchange,
} from "../../../connector/http/server/exchange-opener.ts";
import type { RelayStream } from "../../../connector/relay/relay.ts";
import type { FairleadError } from "../../../protocol/errors.ts";
import type { RequestHead } from "../../../protocol/exchange/head.ts";
import { RequestDecoder } from "../../../protocol/exchange/message-decoder.ts";
import { ResponseEncoder } from "../../../protocol/exchange/message-encoder.ts";
import { relayStream } from "./test-relay.ts";

/** One request at the peer. */
export class PeerRequest {
  readonly head: RequestHead;
  readonly response: ResponseEncoder;
  readonly far: Duplex;
  readonly #stream: RelayStream;
  readonly #content: Buffer[] = [];
  readonly #ended = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  trailers: readonly string[] = [];
  bytes = 0;
  /** Called for each piece of content, in place of keeping it. */
  onContent: ((bytes: Buffer) => void) | null = null;

  constructor(head: RequestHead, stream: RelayStream, far: Duplex) {
    this.head = head;
    this.#stream = stream;
    this.far = far;
    this.response = new ResponseEncoder((bytes) => void far.write(bytes));
    this.#ended.promise.catch(() => {});
    far.on("close", () => {
      this.#closed.resolve();
      this.#ended.reject(new Error("the request was reset"));
    });
  }

  /** Resolves with the whole content. Rejects when the stream closes before its end. */
  async content(): Promise<string> {
    await this.#ended.promise;
    return Buffer.concat(this.#content).toString("latin1");
  }

  /** Resolves when the stream has closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Responds with a text, and ends the stream. */
  respond(status: number, fields: readonly string[] = [], content = ""): void {
    this.response.head({ status, fields }, content === "");
    if (content !== "") {
      this.response.content(Buffer.from(content, "latin1"));
      this.response.end();
    }
    this.far.end();
  }

  /** Resets the stream as a peer does. */
  reset(error: FairleadError): void {
    this.#stream.destroy(error);
  }

  take(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    if (this.onContent !== null) this.onContent(Buffer.from(bytes));
    else this.#content.push(Buffer.from(bytes));
  }

  finish(): void {
    this.#ended.resolve();
  }
}

export class ExchangePeer implements ExchangeOpener {
  /** Every request that arrived, in order. */
  readonly requests: PeerRequest[] = [];
  /** Every stream that was asked for. */
  readonly opened: ExchangeStream[] = [];
  /** What the exchanges say of the target, in the order of their ends. */
  readonly verdicts: string[] = [];
  /** Set to refuse the streams that follow. */
  refusal: FairleadError | null = null;
  readonly #handle: (request: PeerRequest) => void;

  constructor(handle: (request: PeerRequest) => void) {
    this.#handle = handle;
  }

  async open(asked: ExchangeStream): Promise<OpenedExchange> {
    this.opened.push(asked);
    await Promise.resolve();
    if (this.refusal !== null) throw this.refusal;
    const { stream, far } = relayStream();
    this.#serve(stream, far);
    asked.early.sendTo(stream);
    asked.early.accepted();
    return { stream, ended: (verdict) => void this.verdicts.push(verdict) };
  }

  #serve(stream: RelayStream, far: Duplex): void {
    let request: PeerRequest | null = null;
    const decoder = new RequestDecoder({
      onHead: (head) => {
        request = new PeerRequest(head, stream, far);
        this.requests.push(request);
        this.#handle(request);
      },
      onContent: (bytes) => request?.take(bytes),
      onTrailers: (fields) => {
        if (request !== null) request.trailers = fields;
      },
      onEnd: () => request?.finish(),
    });
    far.on("data", (bytes: Buffer) => decoder.push(bytes));
    // A stream that is reset ends too: the request is whole or it is not.
    far.on("end", () => {
      if (!decoder.ended) far.destroy();
    });
  }
}

/** Responds with the request itself: its head as fields, its content as content. */
export function mirror(request: PeerRequest): void {
  const { method, scheme, authority, path, protocol = "", fields } = request.head;
  void request.content().then(
    (content) => {
      const seen = JSON.stringify({ method, scheme, authority, path, protocol, fields, content });
      request.respond(200, ["content-type", "application/json", "content-length", String(seen.length)], seen);
    },
    () => {},
  );
}
