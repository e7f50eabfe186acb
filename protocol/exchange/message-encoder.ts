/**
 * Encodes one message of an exchange as binary HTTP of indeterminate length (RFC 9292 §3.2; docs/protocol.md,
 * "Exchanges"). The encoder passes content on without copying it, unless a copy is cheaper.
 */
import { FairleadError } from "../errors.ts";
import type { Fields, InformationalHead, RequestHead, ResponseHead } from "./head.ts";
import { writeContent, writeEnd, writeRequestHead, writeResponseHead } from "./head-writer.ts";

/** Content below this size is copied behind its length: two pieces cost more. Bytes. */
const COPY_BELOW = 2048;

/** Takes the bytes of a message, in order. */
export type Emit = (bytes: Uint8Array) => void;

const NO_FIELDS: Fields = [];

/** What a request and a response have in common. */
class MessageEncoder {
  protected readonly emit: Emit;
  #phase: "head" | "content" | "ended" = "head";

  constructor(emit: Emit) {
    this.emit = emit;
  }

  /** Whether the whole message was emitted. */
  get ended(): boolean {
    return this.#phase === "ended";
  }

  /** Emits a piece of content. An empty piece is nothing. The caller must not change the bytes afterwards. */
  content(bytes: Uint8Array): void {
    this.#expect("content");
    if (bytes.length === 0) return;
    this.emit(writeContent(bytes, COPY_BELOW));
    if (bytes.length >= COPY_BELOW) this.emit(bytes);
  }

  /** Emits the end of the content, and the trailers. */
  end(trailers: Fields = NO_FIELDS): void {
    this.#expect("content");
    this.emit(writeEnd(trailers));
    this.#phase = "ended";
  }

  /** Notes that the head is about to be emitted. */
  protected begin(ended: boolean): void {
    this.#expect("head");
    this.#phase = ended ? "ended" : "content";
  }

  #expect(phase: "head" | "content"): void {
    if (this.#phase === phase) return;
    throw new FairleadError(
      "stream.internal",
      `A message in its phase ${this.#phase} was given its ${phase}.`,
    );
  }
}

/** Encodes a request. */
export class RequestEncoder extends MessageEncoder {
  /**
   * Emits the head, with the end of the message where `ended` says that it has no content and no trailers.
   * @throws FairleadError exchange.malformed, exchange.too_large; nothing was emitted then.
   */
  head(head: RequestHead, ended = false): void {
    const bytes = writeRequestHead(head, ended);
    this.begin(ended);
    this.emit(bytes);
  }
}

/** Encodes a response, after any number of informational responses. */
export class ResponseEncoder extends MessageEncoder {
  #isFirst = true;

  /** Emits an informational response. @throws FairleadError as {@link head} does */
  informational({ status, fields }: InformationalHead): void {
    const bytes = writeResponseHead(status, fields, { first: this.#isFirst, ended: false });
    this.#isFirst = false;
    this.emit(bytes);
  }

  /**
   * Emits the final head, with the end of the message where `ended` says that it has no content and no trailers.
   * @throws FairleadError exchange.malformed, exchange.too_large; nothing was emitted then.
   */
  head({ status, fields }: ResponseHead, ended = false): void {
    const bytes = writeResponseHead(status, fields, { first: this.#isFirst, ended });
    this.begin(ended);
    this.#isFirst = false;
    this.emit(bytes);
  }
}
