/**
 * A client's first datagrams, sent right behind the OPEN. They are kept until an instance accepts, within the limits of
 * {@link DatagramQueue}: an instance that refuses has passed nothing to its target, so the next one gets them too.
 */
import type { Writable } from "node:stream";
import type { EarlyBytes } from "../listeners/early-data.ts";
import { DatagramQueue } from "./datagram-queue.ts";

export class EarlyDatagrams implements EarlyBytes {
  #kept: Uint8Array[] = [];
  #sent = 0;
  #stream: Writable | null = null;
  /** Datagrams that came after the last {@link sendTo}, and those beyond what may be sent early. */
  readonly #queue = new DatagramQueue();

  /** False: a datagram that is sent twice does no harm, so no failure of an instance is final for the client. */
  get sent(): boolean {
    return false;
  }

  get bytes(): number {
    return this.#sent;
  }

  /** Takes a framed datagram of the client. */
  push(framed: Uint8Array): void {
    this.#queue.push(framed);
    this.#sendMore();
  }

  sendTo(stream: Writable): void {
    this.#stream = stream;
    this.#sent = 0;
    const kept = this.#kept;
    this.#kept = [];
    for (const framed of kept) this.#send(stream, framed);
    this.#sendMore();
  }

  refused(): void {
    this.#stream = null;
  }

  accepted(): void {
    this.#stream = null;
    this.#kept = [];
  }

  /** The datagrams that were not sent, oldest first. Call it once the stream is accepted. */
  rest(): Iterable<Uint8Array> {
    return this.#queue.drain();
  }

  #sendMore(): void {
    while (this.#stream !== null && !this.#queue.isEmpty && this.#sent < EARLY_DATAGRAM_BYTES) {
      const framed = this.#queue.shift();
      if (framed !== undefined) this.#send(this.#stream, framed);
    }
  }

  #send(stream: Writable, framed: Uint8Array): void {
    stream.write(framed);
    this.#kept.push(framed);
    this.#sent += framed.length;
  }
}

/** Bytes of a client that are sent and kept before an instance accepts; the last datagram may pass the limit. */
export const EARLY_DATAGRAM_BYTES = 16 * 1024;
