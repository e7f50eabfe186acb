/**
 * Carrier version 1: one lane as a Node Duplex. It ends with its lane. TLS above sees nothing but the Duplex,
 * so a carrier that outlives its lanes takes this one's place without a change above.
 */
import { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import {
  CARRIER_VERSIONS,
  type Carrier,
  type ExpectedPeer,
  encodePreface,
  type Lane,
  type LaneEvents,
  MAX_LANE_MESSAGE,
  readPreface,
} from "../../protocol/carrier.ts";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { WebSocketLane } from "./lane.ts";

type WriteDone = (error?: Error | null) => void;

export interface CarrierOptions {
  /** Session, generation and the peer's boot id, as the invitation has them. */
  expected: ExpectedPeer;
  /** Our own boot id. */
  boot: string;
  /** Time for the lane to open and the prefaces to meet, in ms. */
  timeoutMs: number;
}

/** "preface" until the peer's preface was read; "ended" once the lane is over or given up. */
type CarrierState = "preface" | "open" | "ended";

/** @see Carrier */
export class LaneCarrier extends Duplex implements Carrier {
  readonly #lane: Lane;
  #state: CarrierState = "preface";
  #version = 0;
  #failure: FairleadError | null = null;
  #writeDone: WriteDone | null = null;
  readonly #opened = Promise.withResolvers<void>();

  /** A carrier on a lane's WebSocket, which is open or opening. */
  static over(socket: WebSocket, options: CarrierOptions): LaneCarrier {
    return new LaneCarrier((events) => new WebSocketLane(socket, events), options);
  }

  constructor(makeLane: (events: LaneEvents) => Lane, options: CarrierOptions) {
    // The layers above and below have buffers enough; autoDestroy would close the lane before the last bytes.
    super({ allowHalfOpen: true, autoDestroy: false, readableHighWaterMark: 256 * 1024 });
    this.#opened.promise.catch(() => {});
    // TLS listens too; this one is for the time before and after.
    this.on("error", () => {});
    const { session, generation } = options.expected;
    const timer = setTimeout(() => {
      this.abort(new FairleadError("session.timeout", "the other side sent no preface in time"));
    }, options.timeoutMs);
    this.#opened.promise.then(
      () => clearTimeout(timer),
      () => clearTimeout(timer),
    );
    this.#lane = makeLane({
      opened: () =>
        this.#lane.sendText(
          encodePreface({ carrier: CARRIER_VERSIONS, session, generation, boot: options.boot }),
        ),
      text: (message) => this.#text(message, options.expected),
      bytes: (message) => this.#bytes(message),
      drained: () => this.#drained(),
      closed: (error) => this.#laneClosed(error),
    });
  }

  /**
   * Resolves when the prefaces have met and bytes can flow. Rejects with a FairleadError: session.timeout,
   * session.wrong_peer, session.version, session.malformed, session.too_large, or why the lane ended.
   */
  get ready(): Promise<void> {
    return this.#opened.promise;
  }

  get version(): number {
    return this.#version;
  }

  get failure(): FairleadError | null {
    return this.#failure;
  }

  abort(error: FairleadError): void {
    if (this.#state === "ended") return;
    this.#lane.close(error);
    this.#end(error);
  }

  // ---- the lane's events ----------------------------------------------------------------------------

  #text(message: string, expected: ExpectedPeer): void {
    if (this.#state === "ended") return;
    if (this.#state === "open") {
      this.abort(new FairleadError("session.malformed", "a text message came after the preface"));
      return;
    }
    try {
      this.#version = readPreface(message, expected);
    } catch (error) {
      this.abort(asFairleadError(error, "session.malformed"));
      return;
    }
    this.#state = "open";
    this.#opened.resolve();
  }

  #bytes(message: Uint8Array): void {
    if (this.#state === "ended") return;
    if (this.#state === "preface" || message.length === 0) {
      this.abort(new FairleadError("session.malformed", "a message on the lane has no place there"));
    } else if (!this.push(message)) {
      this.#lane.pause();
    }
  }

  #drained(): void {
    const done = this.#writeDone;
    this.#writeDone = null;
    done?.();
  }

  #laneClosed(error: FairleadError | null): void {
    if (this.#state === "ended") return;
    if (error !== null || this.#state === "preface") {
      this.#end(error ?? new FairleadError("session.closed", "the lane was closed before it was used"));
      return;
    }
    this.#state = "ended";
    this.push(null);
    this.#drained();
  }

  #end(error: FairleadError): void {
    this.#state = "ended";
    this.#failure = error;
    this.#opened.reject(error);
    this.destroy(error);
  }

  // ---- the Duplex -----------------------------------------------------------------------------------

  override _read(): void {
    if (this.#state !== "ended") this.#lane.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: WriteDone): void {
    this.#send([chunk], done);
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: WriteDone): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: WriteDone): void {
    if (this.#state !== "ended") this.#lane.close();
    done();
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    if (this.#state !== "ended") {
      this.#state = "ended";
      this.#lane.close(error === null ? undefined : asFairleadError(error, "session.lost"));
    }
    this.#opened.reject(error ?? new FairleadError("session.closed"));
    const pending = this.#writeDone;
    this.#writeDone = null;
    pending?.(error);
    done(error);
  }

  /** Sends what was written in one go as few messages: each costs the relay, a short copy does not. */
  #send(chunks: Uint8Array[], done: WriteDone): void {
    let more = true;
    let from = 0;
    let size = 0;
    for (const [at, chunk] of chunks.entries()) {
      if (size > 0 && size + chunk.length > MAX_LANE_MESSAGE) {
        more = this.#sendOne(chunks, from, at, size);
        from = at;
        size = 0;
      }
      size += chunk.length;
    }
    if (size > 0) more = this.#sendOne(chunks, from, chunks.length, size);
    if (more || this.#state === "ended") done();
    else this.#writeDone = done;
  }

  #sendOne(chunks: Uint8Array[], from: number, to: number, size: number): boolean {
    const first = chunks[from];
    if (first === undefined) return true;
    const message = to - from === 1 ? first : Buffer.concat(chunks.slice(from, to), size);
    let more = true;
    for (let at = 0; at < message.length; at += MAX_LANE_MESSAGE) {
      more = this.#lane.send(message.subarray(at, at + MAX_LANE_MESSAGE));
    }
    return more;
  }
}
