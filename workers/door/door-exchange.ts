/**
 * One request to a door, and its response: encoded as binary HTTP onto a stream, and decoded from it. Until the
 * connector accepts the stream, the first bytes are kept, and go to another instance where one refuses the stream.
 */
import { FairleadError } from "../../protocol/errors.ts";
import { hasNoContent } from "../../protocol/exchange/fields.ts";
import type { Fields, RequestHead, ResponseHead } from "../../protocol/exchange/head.ts";
import { EXCHANGE_KIND } from "../../protocol/exchange/head.ts";
import { ResponseDecoder } from "../../protocol/exchange/message-decoder.ts";
import { RequestEncoder } from "../../protocol/exchange/message-encoder.ts";
import type { Stream, StreamHandler } from "../../protocol/streams/stream.ts";
import type { DoorSession } from "./door-session.ts";
import type { GrpcWeb } from "./grpc-web.ts";

/** Most bytes of a request that are kept for another instance. */
const MAX_EARLY = 64 * 1024;
/** Time until the head of the response, from the last progress of the request on, ms. */
export const FIRST_BYTE_MS = 60_000;
/** Time without a byte of the request's body, ms. */
export const BODY_IDLE_MS = 60_000;
/** Time without a byte in either direction after the head, ms. */
export const STREAM_IDLE_MS = 5 * 60_000;

/** The response: its head, and its body. */
export interface DoorResponse {
  readonly head: ResponseHead;
  readonly body: ReadableStream<Uint8Array> | null;
}

/** Times in ms. */
export interface ExchangeTimes {
  readonly firstByteMs: number;
  readonly bodyIdleMs: number;
  readonly idleMs: number;
}

export interface DoorExchangeOptions {
  readonly service: string;
  readonly head: RequestHead;
  readonly body: ReadableStream<Uint8Array> | null;
  /** The next session to try. Rejects when none is left. */
  readonly next: (tried: ReadonlySet<DoorSession>) => Promise<DoorSession>;
  /** The exchange has ended, with its response or without. Called once. */
  readonly ended: () => void;
  /** Translates the response into gRPC-Web; null where it is passed on. */
  readonly grpcWeb: GrpcWeb | null;
  readonly times?: ExchangeTimes;
}

const TIMES: ExchangeTimes = {
  firstByteMs: FIRST_BYTE_MS,
  bodyIdleMs: BODY_IDLE_MS,
  idleMs: STREAM_IDLE_MS,
};

/** Codes with which an instance refuses a stream that reached no target: the next instance may take it. */
const isRefusal = (code: string): boolean => code.startsWith("service.") || code.startsWith("stream.");

export class DoorExchange implements StreamHandler {
  readonly #options: DoorExchangeOptions;
  readonly #times: ExchangeTimes;
  readonly #encoder: RequestEncoder;
  readonly #decoder: ResponseDecoder;
  readonly #response = Promise.withResolvers<DoorResponse>();
  readonly #tried = new Set<DoorSession>();
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | null;
  #stream: Stream | null = null;
  /** What was sent so far; null once it is not needed. */
  #early: Uint8Array[] | null = [];
  #earlyBytes = 0;
  #requestEnded = false;
  /** The whole request was written, and the stream is to be finished. */
  #canWrite = Promise.withResolvers<void>();
  #isFull = false;
  /** Content that waits for the client. */
  readonly #chunks: Uint8Array[] = [];
  #contentBytes = 0;
  /** The trailers of gRPC-Web, which follow the content. They are no bytes of the stream. */
  #trailers: Uint8Array | null = null;
  #pull: (() => void) | null = null;
  #hasHead = false;
  #responseEnded = false;
  #failure: FairleadError | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isOver = false;

  constructor(options: DoorExchangeOptions) {
    this.#options = options;
    this.#times = options.times ?? TIMES;
    const { head, body } = options;
    this.#reader = body?.getReader() ?? null;
    this.#encoder = new RequestEncoder((bytes) => this.#emit(bytes));
    this.#decoder = new ResponseDecoder(head, {
      // HTTP in a Worker has no informational responses.
      onInformational: () => undefined,
      onHead: (received) => this.#headReceived(received),
      onContent: (bytes) => this.#contentReceived(bytes),
      onTrailers: (fields) => this.#trailersReceived(fields),
      onEnd: () => {
        this.#responseEnded = true;
        this.#pump();
      },
    });
    this.#response.promise.catch(() => undefined);
  }

  /**
   * Sends the request. Resolves with the head of the response; its body follows.
   * @throws FairleadError door.unavailable, door.too_large, door.failed, door.timeout, service.*, stream.*, session.*
   */
  async send(): Promise<DoorResponse> {
    try {
      const first = await this.#options.next(this.#tried);
      this.#encodeHead();
      this.#requestEnded = this.#reader === null;
      this.#open(first);
      this.#restartTimer();
      if (this.#reader !== null) void this.#sendBody(this.#reader);
    } catch (thrown) {
      this.#fail(thrown instanceof FairleadError ? thrown : new FairleadError("door.failed", String(thrown)));
    }
    return await this.#response.promise;
  }

  /** Gives the exchange up: the client is gone. */
  cancel(): void {
    this.#fail(new FairleadError("stream.cancelled"));
  }

  // ---- the request ------------------------------------------------------------------------------------

  /** @throws FairleadError door.too_large, door.failed */
  #encodeHead(): void {
    try {
      this.#encoder.head(this.#options.head, this.#reader === null);
    } catch (thrown) {
      const isTooLarge = thrown instanceof FairleadError && thrown.code === "exchange.too_large";
      throw isTooLarge ? new FairleadError("door.too_large") : failed(thrown);
    }
  }

  #open(session: DoorSession): void {
    this.#tried.add(session);
    const stream = session.open(this.#options.service, EXCHANGE_KIND, this);
    this.#stream = stream;
    for (const bytes of this.#early ?? []) stream.write(bytes);
    if (this.#requestEnded) stream.finish();
  }

  #emit(bytes: Uint8Array): void {
    if (this.#early !== null) {
      this.#early.push(bytes);
      this.#earlyBytes += bytes.length;
    }
    if (this.#stream !== null && !this.#stream.write(bytes)) this.#isFull = true;
  }

  async #sendBody(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await withTimeout(reader.read(), this.#times.bodyIdleMs);
        if (this.#isOver) return;
        this.#restartTimer();
        if (done) break;
        this.#encoder.content(value);
        while (!this.#isOver && (this.#isFull || (this.#early !== null && this.#earlyBytes >= MAX_EARLY))) {
          await this.#canWrite.promise;
        }
        if (this.#isOver) return;
      }
      this.#encoder.end();
      this.#requestEnded = true;
      this.#stream?.finish();
    } catch (thrown) {
      const late = thrown instanceof FairleadError ? thrown : new FairleadError("stream.cancelled");
      this.#fail(late);
    }
  }

  #continueBody(): void {
    this.#canWrite.resolve();
    this.#canWrite = Promise.withResolvers<void>();
  }

  // ---- the stream -------------------------------------------------------------------------------------

  peerAccepted(): void {
    this.#early = null;
    this.#restartTimer();
    this.#continueBody();
  }

  data(bytes: Uint8Array): void {
    this.#contentBytes = 0;
    try {
      this.#decoder.push(bytes);
    } catch (thrown) {
      this.#fail(failed(thrown));
    }
    // Content is consumed when the client takes it, everything else at once.
    this.#stream?.consumed(bytes.length - this.#contentBytes);
    this.#restartTimer();
    this.#pump();
  }

  peerFinished(): void {
    try {
      if (!this.#decoder.ended) this.#decoder.end();
    } catch (thrown) {
      this.#fail(failed(thrown));
    }
  }

  drained(): void {
    this.#isFull = false;
    this.#continueBody();
  }

  finished(): void {}

  reset(error: FairleadError): void {
    this.#stream = null;
    if (this.#responseEnded) return;
    if (this.#early !== null && isRefusal(error.code) && !this.#isOver) void this.#retry(error);
    else this.#fail(error);
  }

  /** Sends the same bytes to another instance. Fails with the first instance's error when no other is there. */
  async #retry(refusal: FairleadError): Promise<void> {
    try {
      const session = await this.#options.next(this.#tried);
      if (this.#isOver) return;
      this.#isFull = false;
      this.#open(session);
      this.#continueBody();
    } catch {
      this.#fail(refusal);
    }
  }

  // ---- the response -----------------------------------------------------------------------------------

  #headReceived(head: ResponseHead): void {
    this.#hasHead = true;
    this.#early = null;
    const { grpcWeb } = this.#options;
    const sent = grpcWeb === null ? head : grpcWeb.head(head);
    if (hasNoContent(this.#options.head.method, head.status)) {
      this.#pull = () => {
        if (this.#responseEnded) this.#end();
      };
      this.#response.resolve({ head: sent, body: null });
      return;
    }
    const body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          const { promise, resolve } = Promise.withResolvers<void>();
          this.#pull = () => {
            const chunk = this.#chunks.shift();
            if (chunk !== undefined) {
              this.#stream?.consumed(chunk.length);
              controller.enqueue(chunk);
            } else if (this.#responseEnded && this.#trailers !== null) {
              controller.enqueue(this.#trailers);
              this.#trailers = null;
            } else if (this.#responseEnded) {
              controller.close();
              this.#end();
            } else if (this.#failure !== null) controller.error(this.#failure);
            else return;
            this.#pull = null;
            resolve();
          };
          this.#pump();
          return promise;
        },
        cancel: () => this.cancel(),
      },
      { highWaterMark: 0 },
    );
    this.#response.resolve({ head: sent, body });
  }

  #contentReceived(bytes: Uint8Array): void {
    this.#contentBytes += bytes.length;
    this.#chunks.push(bytes);
  }

  #trailersReceived(fields: Fields): void {
    const { grpcWeb } = this.#options;
    if (grpcWeb !== null) this.#trailers = grpcWeb.trailers(fields);
  }

  #pump(): void {
    this.#pull?.();
  }

  // ---- the end ----------------------------------------------------------------------------------------

  #restartTimer(): void {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    const { firstByteMs, idleMs } = this.#times;
    const late = (): void => this.#fail(new FairleadError("door.timeout"));
    this.#timer = setTimeout(late, this.#hasHead ? idleMs : firstByteMs);
  }

  #fail(error: FairleadError): void {
    if (this.#isOver) return;
    this.#failure = error;
    this.#stream?.reset(error);
    this.#stream = null;
    this.#chunks.length = 0;
    this.#response.reject(error);
    this.#end();
    this.#pump();
  }

  /** Releases everything. The response may still be read. */
  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#continueBody();
    // A target may answer before it has read the request.
    if (!this.#requestEnded) {
      this.#stream?.reset(new FairleadError("stream.cancelled"));
      void this.#reader?.cancel().catch(() => undefined);
    }
    this.#options.ended();
  }
}

const failed = (thrown: unknown): FairleadError =>
  thrown instanceof FairleadError
    ? new FairleadError("door.failed", thrown.message)
    : new FairleadError("door.failed");

/** Rejects with `door.stalled` when a promise takes longer than `ms`. */
async function withTimeout<T>(promise: Promise<T>, ms: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new FairleadError("door.stalled")), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
