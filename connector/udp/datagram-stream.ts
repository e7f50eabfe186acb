/**
 * Carries datagrams over a stream, both ways. Datagrams wait while the stream does not take more; the oldest ones are
 * dropped. What arrives is handed on at once, so the peer never waits for this side.
 */
import { DatagramDecoder, encodeDatagram, PREFIX_BYTES } from "../../protocol/datagrams/framing.ts";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { Flow } from "../relay/flow.ts";
import type { RelayStream } from "../relay/relay.ts";
import { DatagramQueue } from "./datagram-queue.ts";

/** How long the peer may take to end its half of a stream, ms. */
const END_MS = 10_000;

export interface DatagramStreamEvents {
  /** A datagram of the peer. */
  datagram(payload: Uint8Array): void;
  /** The stream is gone; the flow has ended with the reason. Called once. */
  closed(): void;
}

export class DatagramStream {
  readonly #stream: RelayStream;
  readonly #flow: Flow;
  readonly #queue = new DatagramQueue();
  #activeAt = performance.now();
  #ending: NodeJS.Timeout | undefined;

  /** @param stream is accepted, and read by nothing else; @param flow has been opened, and ends with the stream */
  constructor(stream: RelayStream, flow: Flow, events: DatagramStreamEvents) {
    this.#stream = stream;
    this.#flow = flow;
    const received = flow.side === "listener" ? flow.toClient : flow.toTarget;
    const decoder = new DatagramDecoder((payload) => {
      this.#activeAt = performance.now();
      received.add(payload.length);
      events.datagram(payload);
    });
    stream.on("data", (piece: Buffer) => decoder.push(piece));
    // Datagrams have no half-close: what has come is handed on, and nothing follows.
    stream.on("end", () => this.end());
    stream.on("drain", () => this.#flush());
    stream.on("error", (error) => flow.fail(asFairleadError(error, "stream.cancelled")));
    const closed = () => {
      clearTimeout(this.#ending);
      if (!stream.readableEnded) flow.fail(new FairleadError("stream.cancelled"));
      flow.end();
      events.closed();
    };
    if (stream.closed) queueMicrotask(closed);
    else stream.once("close", closed);
  }

  /** When the last datagram came or left, by `performance.now`. */
  get activeAt(): number {
    return this.#activeAt;
  }

  /** Sends a datagram, or lets it wait. @param payload at most 65,535 bytes; it is copied */
  send(payload: Uint8Array): void {
    this.sendFramed(encodeDatagram(payload));
  }

  /** As {@link send}, for a datagram with its prefix. The caller must not change it. */
  sendFramed(framed: Uint8Array): void {
    if (this.#stream.writableEnded || this.#stream.destroyed) return;
    this.#activeAt = performance.now();
    this.#queue.push(framed);
    this.#flush();
  }

  /** Ends the stream in both directions: the flow is completed. */
  end(): void {
    if (this.#stream.destroyed || this.#stream.writableEnded) return;
    this.#stream.end();
    this.#ending = setTimeout(() => this.#stream.destroy(), END_MS).unref();
  }

  /** Resets the stream. */
  reset(error: FairleadError): void {
    this.#stream.destroy(error);
  }

  /** The stream takes bytes as long as none of them waits in its buffer. */
  #flush(): void {
    const sent = this.#flow.side === "listener" ? this.#flow.toTarget : this.#flow.toClient;
    while (!this.#queue.isEmpty && this.#stream.writableLength === 0) {
      const framed = this.#queue.shift();
      if (framed === undefined) return;
      sent.add(framed.length - PREFIX_BYTES);
      this.#stream.write(framed, this.#onWritten);
    }
  }

  readonly #onWritten = (): void => {
    if (!this.#queue.isEmpty) this.#flush();
  };
}
