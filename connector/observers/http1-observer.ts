/** Observes an HTTP/1.1 connection. Requests may be pipelined; after an upgrade the bytes are only counted. */
import type { FlowOutcome } from "../relay/flow.ts";
import { Http1Body } from "./http1-body.ts";
import {
  type BodyLength,
  MAX_HEAD,
  parseRequestHead,
  parseResponseHead,
  type ResponseHead,
} from "./http1-head.ts";
import { ObservationError } from "./observation-error.ts";
import { ObservedRequest, type OnRequest } from "./observed-request.ts";
import { PartialBytes, type PartialBytesBudget } from "./partial-bytes.ts";
import type { ProtocolObserver } from "./protocol-observer.ts";

/** Most requests of a connection without their response. */
const MAX_REQUESTS = 100;

const HEAD_END = Buffer.from("\r\n\r\n", "latin1");
const CR = 0x0d;
const LF = 0x0a;

/** One direction: heads and bodies in turn. */
class Direction {
  readonly head: PartialBytes;
  readonly body = new Http1Body();
  /** When the first byte of the current head was seen, by `performance.now`; 0 before. */
  startedAt = 0;

  constructor(budget: PartialBytesBudget) {
    this.head = new PartialBytes(budget, MAX_HEAD);
  }
}

export class Http1Observer implements ProtocolObserver {
  readonly #onRequest: OnRequest;
  readonly #fromClient: Direction;
  readonly #fromTarget: Direction;
  /** Requests without their whole response, in order. */
  readonly #unanswered: ObservedRequest[] = [];
  /** The request whose body is being sent; null between requests. */
  #sending: ObservedRequest | null = null;
  /** Whether the last request may have turned the connection into another protocol: what follows is not parsed. */
  #isUndecided = false;
  /** Bytes of the client that came while the upgrade was undecided. */
  #undecidedBytes = 0;
  /** The request that turned the connection into another protocol. */
  #upgraded: ObservedRequest | null = null;

  constructor(onRequest: OnRequest, budget: PartialBytesBudget) {
    this.#onRequest = onRequest;
    this.#fromClient = new Direction(budget);
    this.#fromTarget = new Direction(budget);
  }

  toTarget(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#fromClientAt(chunk, at);
  }

  toClient(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#fromTargetAt(chunk, at);
  }

  ended(outcome: FlowOutcome): void {
    const now = performance.now();
    const failure = outcome === "completed" ? "stream.cancelled" : outcome;
    const { body } = this.#fromTarget;
    if (this.#upgraded !== null) this.#onRequest(this.#upgraded, outcome, now);
    for (const [at, request] of this.#unanswered.entries()) {
      // A response without a length ends with the connection.
      const isWhole = at === 0 && request.status !== 0 && body.endsWithConnection && outcome === "completed";
      this.#onRequest(request, isWhole ? "completed" : failure, now);
    }
    if (this.#sending?.isAnswered) this.#onRequest(this.#sending, "completed", now);
    this.close();
  }

  close(): void {
    this.#unanswered.length = 0;
    this.#sending = null;
    this.#upgraded = null;
    this.#fromClient.head.clear();
    this.#fromTarget.head.clear();
  }

  #fromClientAt(chunk: Buffer, at: number): number {
    if (this.#upgraded !== null || this.#isUndecided) {
      const bytes = chunk.length - at;
      if (this.#upgraded !== null) this.#upgraded.bytesToTarget += bytes;
      else this.#undecidedBytes += bytes;
      return chunk.length;
    }
    const { body } = this.#fromClient;
    const sending = this.#sending;
    if (sending === null) return this.#readHead(this.#fromClient, chunk, at, this.#onRequestHead);
    const end = body.read(chunk, at);
    sending.bytesToTarget += end - at;
    if (body.isOver) this.#sent(sending);
    return end;
  }

  #fromTargetAt(chunk: Buffer, at: number): number {
    if (this.#upgraded !== null) {
      this.#upgraded.bytesToClient += chunk.length - at;
      return chunk.length;
    }
    const { body } = this.#fromTarget;
    if (body.isOver) return this.#readHead(this.#fromTarget, chunk, at, this.#onResponseHead);
    const request = this.#unanswered[0];
    const end = body.read(chunk, at);
    if (request === undefined) throw new ObservationError("A response has no request.");
    request.bytesToClient += end - at;
    if (body.endsWithConnection) request.lastByteAt = performance.now();
    if (body.isOver) this.#answered(request, performance.now());
    return end;
  }

  /** Reads a head, or a part of it. Returns the place behind it. */
  #readHead(direction: Direction, chunk: Buffer, from: number, onHead: OnHead): number {
    const { head } = direction;
    let at = from;
    if (head.length === 0) {
      while (at < chunk.length && (chunk[at] === CR || chunk[at] === LF)) at++;
      if (at === chunk.length) return at;
      const end = chunk.indexOf(HEAD_END, at);
      if (end >= 0) {
        if (end - at > MAX_HEAD) throw new ObservationError("A head is too large.");
        onHead(chunk, at, end + HEAD_END.length, performance.now());
        return end + HEAD_END.length;
      }
      direction.startedAt = performance.now();
      head.append(chunk, at, chunk.length);
      return chunk.length;
    }
    const before = head.length;
    // No more is copied than a head may have.
    const end = Math.min(chunk.length, at + MAX_HEAD - before);
    head.append(chunk, at, end);
    const bytes = head.bytes;
    const found = bytes.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length + 1));
    if (found < 0) {
      if (end < chunk.length) throw new ObservationError("A head is too large.");
      return end;
    }
    const length = found + HEAD_END.length;
    onHead(bytes, 0, length, direction.startedAt);
    head.clear();
    return from + length - before;
  }

  readonly #onRequestHead: OnHead = (bytes, start, end, startedAt) => {
    const { method, path, authority, length, mayUpgrade } = parseRequestHead(bytes, start, end);
    if (this.#unanswered.length >= MAX_REQUESTS)
      throw new ObservationError("Too many requests are pipelined.");
    const request = new ObservedRequest("http1", method, path, authority, startedAt);
    request.bytesToTarget = end - start;
    request.mayUpgrade = mayUpgrade;
    this.#unanswered.push(request);
    this.#fromClient.body.begin(length);
    if (length === 0) this.#sent(request);
    else this.#sending = request;
  };

  #sent(request: ObservedRequest): void {
    request.isSent = true;
    this.#sending = null;
    if (request.isAnswered) this.#onRequest(request, "completed", request.lastByteAt);
    else if (request.mayUpgrade) this.#isUndecided = true;
  }

  readonly #onResponseHead: OnHead = (bytes, start, end) => {
    const head = parseResponseHead(bytes, start, end);
    const request = this.#unanswered[0];
    if (request === undefined) throw new ObservationError("A response has no request.");
    request.bytesToClient += end - start;
    const { status } = head;
    // 1xx are interim: the final response follows.
    if (status < 200 && status !== 101) return;
    const now = performance.now();
    request.status = status;
    request.firstByteAt = now;
    if (status === 101 || (request.method === "CONNECT" && status < 300)) {
      this.#upgrade(request);
      return;
    }
    this.#decline(request);
    const length = bodyLength(request, head);
    this.#fromTarget.body.begin(length);
    if (length === 0) this.#answered(request, now);
  };

  #answered(request: ObservedRequest, now: number): void {
    this.#unanswered.shift();
    request.isAnswered = true;
    request.lastByteAt = now;
    if (request.isSent) this.#onRequest(request, "completed", now);
  }

  /** From here on the bytes belong to the request, in both directions. */
  #upgrade(request: ObservedRequest): void {
    if (!request.mayUpgrade) throw new ObservationError("A response switches protocols unasked.");
    this.#unanswered.shift();
    this.#upgraded = request;
    request.bytesToTarget += this.#undecidedBytes;
  }

  /** The connection stays HTTP/1.1. What the client sent before it knew was not parsed. */
  #decline(request: ObservedRequest): void {
    if (!this.#isUndecided || !request.mayUpgrade) return;
    if (this.#undecidedBytes > 0) throw new ObservationError("Requests follow an upgrade that was declined.");
    this.#isUndecided = false;
  }
}

type OnHead = (bytes: Buffer, start: number, end: number, startedAt: number) => void;

/** The length of a response's body (RFC 9112, section 6.3). */
function bodyLength({ method }: ObservedRequest, { status, length }: ResponseHead): BodyLength {
  return method === "HEAD" || status === 204 || status === 304 ? 0 : length;
}
