/**
 * The request of one exchange in its binary form: its first bytes go out behind the OPEN, and are kept until they cannot
 * be needed for another instance.
 */
import type { Fields, RequestHead } from "../../../protocol/exchange/head.ts";
import { RequestEncoder } from "../../../protocol/exchange/message-encoder.ts";
import { EARLY_BYTES, type EarlyBytes } from "../../listeners/early-data.ts";
import type { SendStream } from "../../relay/pump.ts";
import { sendPiece } from "../cork.ts";

export class EncodedRequest implements EarlyBytes {
  readonly #encoder: RequestEncoder;
  /** Called when the request takes content again. */
  readonly #onDrain: () => void;
  /** The bytes from the first one on; null once they are no longer kept. */
  #kept: Uint8Array[] | null = [];
  #bytes = 0;
  #stream: SendStream | null = null;
  #isAccepted = false;
  #sent = false;

  /** @throws FairleadError exchange.malformed, exchange.too_large */
  constructor(head: RequestHead, ended: boolean, onDrain: () => void) {
    this.#onDrain = onDrain;
    this.#encoder = new RequestEncoder((bytes) => this.#emit(bytes));
    this.#encoder.head(head, ended);
  }

  get sent(): boolean {
    return this.#sent;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the whole request was given to the encoder. */
  get ended(): boolean {
    return this.#encoder.ended;
  }

  /** Whether everything that was given so far is kept, so that it can be sent again. */
  get isKept(): boolean {
    return this.#kept !== null;
  }

  /** Adds a piece of content. Returns false for backpressure; the bytes are still taken. */
  content(bytes: Uint8Array): boolean {
    this.#encoder.content(bytes);
    return !this.isFull;
  }

  /** Ends the request. */
  end(trailers: Fields): void {
    this.#encoder.end(trailers);
    if (this.#isFlowing) this.#stream?.end();
  }

  /** Whether no more content should be given until the callback. */
  get isFull(): boolean {
    if (!this.#isAccepted) return this.#bytes >= EARLY_BYTES;
    return this.#stream?.writableNeedDrain === true;
  }

  sendTo(stream: SendStream): void {
    this.#stream = stream;
    this.#isAccepted = false;
    this.#sent = true;
    for (const bytes of this.#kept ?? []) sendPiece(stream, bytes);
    if (this.ended) stream.end();
  }

  refused(): void {
    this.#stream = null;
    this.#isAccepted = false;
    this.#sent = false;
  }

  accepted(): void {
    const stream = this.#stream;
    this.#isAccepted = true;
    if (this.#bytes > EARLY_BYTES) this.#kept = null;
    if (stream === null || this.ended) return;
    stream.on("drain", this.#onDrain);
    if (!this.isFull) this.#onDrain();
  }

  /** Keeps the first bytes no longer: the request will not be sent again. */
  forget(): void {
    this.#kept = null;
  }

  get #isFlowing(): boolean {
    return this.#stream !== null && !this.#stream.writableEnded && !this.#stream.destroyed;
  }

  #emit(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (this.#isAccepted && this.#bytes > EARLY_BYTES) this.#kept = null;
    this.#kept?.push(bytes);
    if (this.#stream !== null && this.#isFlowing) sendPiece(this.#stream, bytes);
  }
}
