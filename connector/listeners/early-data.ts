/**
 * A client's first bytes, sent right behind the OPEN so that they need no round trip of their own. They are kept
 * until an instance accepts: one that refuses has given its target nothing, so the next gets the same bytes.
 */
import type { Readable, Writable } from "node:stream";

/** Bytes of one client that go out before an instance has accepted, and are kept until then. */
export const EARLY_BYTES = 64 * 1024;

export class EarlyData {
  readonly #client: Readable;
  #kept: Buffer[] = [];
  #bytes = 0;
  #sent = false;
  #target: Writable | null = null;
  readonly #take = () => this.#moveOn();
  readonly #end = () => void this.#target?.end();

  /** @param client reads nothing until {@link sendTo}; nobody else may read it before {@link accepted}. */
  constructor(client: Readable) {
    this.#client = client;
  }

  /** Whether the stream of the last {@link sendTo} was given bytes, which it may have handed to a target. */
  get sent(): boolean {
    return this.#sent;
  }

  /** Bytes that the client has said so far, all of which went to the stream of the last {@link sendTo}. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Sends what is kept to a stream that is opening, and what the client says next, up to {@link EARLY_BYTES}. */
  sendTo(stream: Writable): void {
    this.#target = stream;
    this.#sent = this.#bytes > 0;
    for (const chunk of this.#kept) stream.write(chunk);
    this.#client.on("readable", this.#take);
    this.#client.on("end", this.#end);
    this.#moveOn();
    if (this.#client.readableEnded) stream.end();
  }

  /** The stream was refused, or there was none. What was sent is kept for the next. */
  refused(): void {
    this.#stop();
    this.#sent = false;
  }

  /** The stream was accepted: nothing is kept any more, and the client is free to be read. */
  accepted(): void {
    this.#stop();
    this.#kept = [];
  }

  #stop(): void {
    this.#target = null;
    this.#client.off("readable", this.#take);
    this.#client.off("end", this.#end);
  }

  #moveOn(): void {
    const client = this.#client;
    while (this.#target !== null && this.#bytes < EARLY_BYTES) {
      // Without a size once there is nothing: that is how a stream learns that it has ended.
      const size = Math.min(client.readableLength, EARLY_BYTES - this.#bytes);
      const chunk: Buffer | null = size > 0 ? client.read(size) : client.read();
      if (chunk === null) return;
      this.#kept.push(chunk);
      this.#bytes += chunk.length;
      this.#sent = true;
      this.#target.write(chunk);
    }
  }
}
