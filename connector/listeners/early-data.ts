/**
 * A client's first bytes, sent right behind the OPEN, which saves a round trip. They are kept until an instance accepts:
 * an instance that refuses has passed nothing to its target, so the next instance gets the same bytes.
 */
import type { Readable } from "node:stream";
import type { SendStream } from "../relay/pump.ts";

/** Most bytes of one client that are sent and kept before an instance accepts. */
export const EARLY_BYTES = 64 * 1024;

/** First bytes of a stream. They go out before an instance accepts, and again when an instance refuses. */
export interface EarlyBytes {
  /** Whether the stream of the last {@link sendTo} got bytes, which its peer may have passed to a target. */
  readonly sent: boolean;
  /** Number of bytes that went to the stream of the last {@link sendTo}. */
  readonly bytes: number;
  /** Sends the kept bytes to an opening stream, then what follows, up to {@link EARLY_BYTES}. */
  sendTo(stream: SendStream): void;
  /** Stops sending: the stream was refused, or never opened. The bytes are kept for the next stream. */
  refused(): void;
  /** Stops sending and keeping: the stream was accepted. */
  accepted(): void;
}

/** The first bytes of a client's connection. */
export class EarlyData implements EarlyBytes {
  readonly #client: Readable;
  readonly #onRead: ((chunk: Buffer) => void) | undefined;
  #kept: Buffer[] = [];
  #bytes = 0;
  #sent = false;
  #target: SendStream | null = null;
  readonly #take = () => this.#sendMore();
  readonly #end = () => void this.#target?.end();

  /**
   * @param client is read from {@link sendTo} on, and by nothing else before {@link accepted}.
   * @param onRead gets each chunk once, however many instances it is sent to.
   */
  constructor(client: Readable, onRead?: (chunk: Buffer) => void) {
    this.#client = client;
    this.#onRead = onRead;
  }

  /** Whether the stream of the last {@link sendTo} got bytes, which its peer may have passed to a target. */
  get sent(): boolean {
    return this.#sent;
  }

  /** Bytes read from the client, all of which went to the stream of the last {@link sendTo}. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Sends the kept bytes to an opening stream, then what the client sends next, up to {@link EARLY_BYTES}. */
  sendTo(stream: SendStream): void {
    this.#target = stream;
    this.#sent = this.#bytes > 0;
    for (const chunk of this.#kept) stream.send(chunk);
    this.#client.on("readable", this.#take);
    this.#client.on("end", this.#end);
    this.#sendMore();
    if (this.#client.readableEnded) stream.end();
  }

  /** Stops sending: the stream was refused, or never opened. The bytes are kept for the next stream. */
  refused(): void {
    this.#stop();
    this.#sent = false;
  }

  /** Stops sending and keeping: the stream was accepted. From here on the client may be read by others. */
  accepted(): void {
    this.#stop();
    this.#kept = [];
  }

  #stop(): void {
    this.#target = null;
    this.#client.off("readable", this.#take);
    this.#client.off("end", this.#end);
  }

  #sendMore(): void {
    const client = this.#client;
    while (this.#target !== null && this.#bytes < EARLY_BYTES) {
      // With an empty buffer, only a read without a size makes the stream notice its end.
      const size = Math.min(client.readableLength, EARLY_BYTES - this.#bytes);
      const chunk: Buffer | null = size > 0 ? client.read(size) : client.read();
      if (chunk === null) return;
      this.#kept.push(chunk);
      this.#bytes += chunk.length;
      this.#sent = true;
      this.#onRead?.(chunk);
      this.#target.send(chunk);
    }
  }
}
