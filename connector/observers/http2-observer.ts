/**
 * Observes an HTTP/2 connection: its requests, and gRPC calls among them, which have a content type of
 * `application/grpc` and their status in the trailers.
 */
import { isGrpcType } from "../../protocol/exchange/grpc.ts";
import type { FlowOutcome } from "../relay/flow.ts";
import { type FrameHandler, FrameWalker, type HeaderBlock } from "./frame-walker.ts";
import { type FieldName, HpackDecoder } from "./hpack-decoder.ts";
import { ObservedRequest, type OnRequest } from "./observed-request.ts";
import type { PartialBytesBudget } from "./partial-bytes.ts";
import type { ProtocolObserver } from "./protocol-observer.ts";

/** The first bytes of a client's connection (RFC 9113, section 3.4). */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Most requests of a connection that are followed at once. Further ones are not reported. */
const MAX_REQUESTS = 1000;

export class Http2Observer implements ProtocolObserver {
  readonly #onRequest: OnRequest;
  /** Requests that have not ended, by stream. */
  readonly #requests = new Map<number, ObservedRequest>();
  readonly #fromClient: FrameWalker;
  readonly #fromTarget: FrameWalker;
  /** Bytes of the client's preface that were seen. */
  #prefaceBytes = 0;

  constructor(onRequest: OnRequest, budget: PartialBytesBudget) {
    this.#onRequest = onRequest;
    this.#fromClient = new FrameWalker(new ClientFrames(this.#requests, this.#end), budget);
    this.#fromTarget = new FrameWalker(new TargetFrames(this.#requests, this.#end), budget);
  }

  toTarget(chunk: Buffer): void {
    // The preface was recognised before.
    const skip = Math.min(chunk.length, PREFACE.length - this.#prefaceBytes);
    this.#prefaceBytes += skip;
    this.#fromClient.read(chunk, skip);
  }

  toClient(chunk: Buffer): void {
    this.#fromTarget.read(chunk, 0);
  }

  ended(outcome: FlowOutcome): void {
    const now = performance.now();
    for (const [stream, request] of this.#requests) {
      if (request.isAnswered) this.#end(stream, request, "completed", now);
      else this.#end(stream, request, outcome === "completed" ? "stream.cancelled" : outcome, now);
    }
    this.close();
  }

  close(): void {
    this.#requests.clear();
    this.#fromClient.close();
    this.#fromTarget.close();
  }

  readonly #end: EndRequest = (stream, request, outcome, now) => {
    this.#requests.delete(stream);
    this.#onRequest(request, outcome, now);
  };
}

type EndRequest = (stream: number, request: ObservedRequest, outcome: FlowOutcome, now: number) => void;

/** The frames of one direction. */
abstract class Frames implements FrameHandler {
  protected readonly requests: Map<number, ObservedRequest>;
  protected readonly end: EndRequest;
  readonly #hpack = new HpackDecoder();
  /** The fields of the block that was decoded last. */
  protected fields: Partial<Record<FieldName, string>> = {};
  readonly #keep = (name: FieldName, value: string) => {
    this.fields[name] ??= value;
  };

  constructor(requests: Map<number, ObservedRequest>, end: EndRequest) {
    this.requests = requests;
    this.end = end;
  }

  abstract data(stream: number, bytes: number, endsStream: boolean): void;
  abstract headers(stream: number, bytes: number, endsStream: boolean, block: HeaderBlock): void;

  /** Pushed responses are not followed, but their blocks change the dynamic table. */
  promise(block: HeaderBlock): void {
    this.decode(block);
  }

  /** A server that has answered may reset what is left of the request (RFC 9113, section 8.1). */
  reset(stream: number): void {
    const request = this.requests.get(stream);
    if (request === undefined) return;
    this.end(stream, request, request.isAnswered ? "completed" : "stream.cancelled", performance.now());
  }

  protected decode({ bytes, start, end }: HeaderBlock): void {
    this.fields = {};
    this.#hpack.decode(bytes, start, end, this.#keep);
  }
}

class ClientFrames extends Frames {
  data(stream: number, bytes: number, endsStream: boolean): void {
    const request = this.requests.get(stream);
    if (request === undefined) return;
    request.bytesToTarget += bytes;
    if (endsStream) this.#sent(stream, request);
  }

  headers(stream: number, bytes: number, endsStream: boolean, block: HeaderBlock): void {
    this.decode(block);
    const request = this.requests.get(stream) ?? this.#begin(stream);
    if (request === null) return;
    request.bytesToTarget += bytes;
    if (endsStream) this.#sent(stream, request);
  }

  #begin(stream: number): ObservedRequest | null {
    const { ":method": method, ":path": path = "", "content-type": type } = this.fields;
    if (method === undefined || this.requests.size >= MAX_REQUESTS) return null;
    const authority = this.fields[":authority"] ?? this.fields.host ?? null;
    const protocol = isGrpcType(type) ? "grpc" : "http2";
    const request = new ObservedRequest(protocol, method, path, authority, performance.now());
    this.requests.set(stream, request);
    return request;
  }

  #sent(stream: number, request: ObservedRequest): void {
    request.isSent = true;
    if (request.isAnswered) this.end(stream, request, "completed", performance.now());
  }
}

class TargetFrames extends Frames {
  data(stream: number, bytes: number, endsStream: boolean): void {
    const request = this.requests.get(stream);
    if (request === undefined) return;
    request.bytesToClient += bytes;
    if (endsStream) this.#answered(stream, request);
  }

  headers(stream: number, bytes: number, endsStream: boolean, block: HeaderBlock): void {
    this.decode(block);
    const request = this.requests.get(stream);
    if (request === undefined) return;
    request.bytesToClient += bytes;
    const { ":status": status, "grpc-status": grpcStatus } = this.fields;
    // 1xx are interim: the final response follows.
    if (request.status === 0 && status !== undefined && /^[2-9]\d\d$/.test(status)) {
      request.status = Number(status);
      request.firstByteAt = performance.now();
    }
    if (grpcStatus !== undefined && /^\d{1,3}$/.test(grpcStatus)) request.grpcStatus = Number(grpcStatus);
    if (endsStream) this.#answered(stream, request);
  }

  #answered(stream: number, request: ObservedRequest): void {
    const now = performance.now();
    request.isAnswered = true;
    request.lastByteAt = now;
    if (request.isSent) this.end(stream, request, "completed", now);
  }
}
