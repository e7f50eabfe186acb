/**
 * A stream between a listener and a target of the same connector: two ends in one process, without a session. It behaves
 * like a stream of a session, so that the listener's half and the target's half need not know the difference.
 */
import { Duplex } from "node:stream";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { DEFAULT_KIND } from "../../protocol/stream-kind.ts";
import { pendingResets } from "../net/pending-resets.ts";

/** In place of a session's id. */
export const OWN_SESSION = "own";

/** Bytes that an end holds for its reader before the writer has to wait. */
const BUFFER_BYTES = 64 * 1024;

/** What the stream is opened with. */
export interface OwnStreamRequest {
  readonly service: string;
  readonly port?: number | undefined;
  readonly kind?: string | undefined;
  readonly hops?: number | undefined;
}

let count = 0;

/** Makes the two ends: `near` for the listener, `far` for the target. */
export function ownStream(request: OwnStreamRequest): { near: OwnStream; far: OwnStream } {
  const id = ++count;
  const near = new OwnStream(request, id);
  const far = new OwnStream(request, id);
  near.join(far);
  far.join(near);
  return { near, far };
}

/**
 * One end. `destroy(error)` resets the other end with the error, or with `stream.cancelled` unless it is a FairleadError.
 */
export class OwnStream extends Duplex {
  readonly session = OWN_SESSION;
  readonly id: number;
  readonly service: string;
  readonly port: number | null;
  readonly kind: string;
  readonly hops: number;
  readonly #accepted = Promise.withResolvers<void>();
  #other: OwnStream | null = null;
  /** Continues the other end's write once this end's reader wants more. */
  #writeDone: (() => void) | null = null;
  /** Called when everything that the other end wrote was read, once the other end is about to fail. */
  #whenRead: (() => void) | null = null;

  constructor({ service, port, kind = DEFAULT_KIND, hops = 0 }: OwnStreamRequest, id: number) {
    super({
      allowHalfOpen: true,
      writableHighWaterMark: BUFFER_BYTES,
      readableHighWaterMark: BUFFER_BYTES,
    });
    this.id = id;
    this.service = service;
    this.port = port ?? null;
    this.kind = kind;
    this.hops = hops;
    this.#accepted.promise.catch(() => {});
    // Without a listener, a reset while the stream changes owners would end the process.
    this.on("error", () => {});
  }

  /** Binds the end to its other end. Call it once, before anything else. */
  join(other: OwnStream): void {
    this.#other = other;
  }

  /** Resolves when the other end accepts; rejects with the FairleadError of its refusal or of an earlier end. */
  get accepted(): Promise<void> {
    return this.#accepted.promise;
  }

  /** Accepts the stream that the other end opened. */
  accept(): void {
    const other = this.#other;
    if (other !== null) other.#accepted.resolve();
  }

  /** Nothing is deferred: the other end is in this process. */
  sendAccept(): void {}

  /** Nothing is accounted for: both queues are of this machine's own clients and targets. */
  noteQueued(): void {}

  /** Like `destroy(error)`, but the other end gets all written bytes first, while its reader makes progress. */
  resetAfterWrites(error: FairleadError): void {
    const other = this.#other;
    if (this.destroyed || other === null) return;
    const unread = () => this.writableLength + other.readableLength;
    const reset = () => void this.destroy(error);
    const over =
      unread() > 0 && !other.destroyed
        ? pendingResets.add({ bytes: unread(), progress: unread, reset })
        : null;
    if (over === null) {
      reset();
      return;
    }
    this.once("close", over);
    const whenRead = () => {
      if (unread() === 0) reset();
    };
    other.#whenRead = whenRead;
    // The other end's buffer may take what is left of a write at once.
    setImmediate(whenRead);
  }

  /** Writes: this process is the only queue there is. */
  send(bytes: Uint8Array): boolean {
    return this.write(bytes);
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    // The reader receives the chunk before the end fails.
    if (this.#whenRead !== null && this.readableLength === 0) setImmediate(this.#whenRead);
    return chunk;
  }

  override _read(): void {
    const done = this.#writeDone;
    this.#writeDone = null;
    done?.();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const other = this.#other;
    if (other === null || other.destroyed || other.push(chunk)) done();
    else other.#writeDone = done;
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#other?.destroyed === false) this.#other.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const other = this.#other;
    const reason =
      error === null ? new FairleadError("stream.cancelled") : asFairleadError(error, "stream.cancelled");
    this.#accepted.reject(reason);
    const write = this.#writeDone;
    this.#writeDone = null;
    write?.();
    const isOver = this.readableEnded && this.writableFinished;
    // Both directions have ended in order: the other end closes by itself once its reader is done.
    if (other !== null && !other.destroyed && !isOver) other.destroy(reason);
    done(error);
  }
}
