/**
 * One exchange at the connector of the target: reads the request from the stream, sends it to a target, and writes the
 * response into the stream (docs/protocol.md, "Exchanges").
 */

import { asFairleadError, FairleadError } from "../../../protocol/errors.ts";
import { fieldOf, trailersOf, withTraceparent } from "../../../protocol/exchange/fields.ts";
import { grpcTimeoutMs, isGrpc } from "../../../protocol/exchange/grpc.ts";
import type {
  Fields,
  InformationalHead,
  RequestHead,
  ResponseHead,
} from "../../../protocol/exchange/head.ts";
import { type MessageHandler, RequestDecoder } from "../../../protocol/exchange/message-decoder.ts";
import { ResponseEncoder } from "../../../protocol/exchange/message-encoder.ts";
import { MAX_TIMER_MS } from "../../async/timeout.ts";
import type { Relay } from "../../relay/relay.ts";
import { authorityOf, pathOf, type RequestProtocol, requestReport } from "../../relay/request-report.ts";
import type { PeerStream, StreamUse } from "../../targets/stream-server.ts";
import { sendPiece } from "../cork.ts";
import type { ClientLimits } from "./client-limits.ts";
import { clientAddress, withDoor, withSite } from "./forwarded-fields.ts";
import type { FoundTarget } from "./target-clients.ts";
import type { TargetEvents, TargetExchange } from "./target-exchange.ts";
import { UpgradeEvents, type WebSocketJoiner } from "./upgrade.ts";

/** A request whose head has arrived. */
export interface ArrivedRequest {
  readonly stream: PeerStream;
  readonly use: StreamUse;
  readonly request: RequestHead;
  readonly isGrpc: boolean;
}

/** Finds a connection to a target. @throws FairleadError service.*, exchange.bad_response, stream.cancelled */
export type FindTarget = (arrived: ArrivedRequest) => Promise<FoundTarget>;

export interface ServedExchangeOptions {
  readonly find: FindTarget;
  readonly relay: Relay;
  readonly limits: ClientLimits;
  /** Joins the WebSockets of doors' clients; null where nothing does. */
  readonly webSockets: (() => WebSocketJoiner) | null;
}

/** The field with which a door admits this connector to its end of a client's WebSocket. */
const TICKET_FIELD = "fairlead-door-ticket";

/** The version of the protocol (RFC 6455 §4.1). */
const WEBSOCKET_VERSION = "13";

/** An upgrade of a door's client. */
interface DoorUpgrade {
  readonly hostname: string;
  readonly ticket: string;
  readonly joiner: WebSocketJoiner;
  /** Ends the count of the WebSocket. */
  readonly release: () => void;
  /** Gives the WebSocket up before it is joined. */
  readonly cancelled: AbortController;
  /** Whether the target's bytes belong to the WebSocket, and no longer to this exchange. */
  isJoined: boolean;
}

const NO_FIELDS: Fields = [];

/**
 * How long ACCEPT waits for a response to leave with it, ms. A message of its own would cost both connectors and the
 * edge as much as the response, and the opener has nothing to send after a whole request.
 */
const ACCEPT_WITHIN_MS = 10;

export class ServedExchange implements MessageHandler<RequestHead>, TargetEvents {
  readonly #stream: PeerStream;
  readonly #use: StreamUse;
  readonly #options: ServedExchangeOptions;
  readonly #decoder = new RequestDecoder(this);
  readonly #encoder: ResponseEncoder;
  readonly #accepted = Promise.withResolvers<void>();
  #request: RequestHead | null = null;
  #isGrpc = false;
  /** Whether the whole request arrived. */
  #isWhole = false;
  #requestTrailers = NO_FIELDS;
  /** Content that arrived before the connection to the target. */
  #pending: Uint8Array[] | null = [];
  #found: FoundTarget | null = null;
  #target: TargetExchange | null = null;
  /** Whether the target takes nothing more. */
  #isDiscarding = false;
  #status = 0;
  #grpcStatus: number | null = null;
  #isAnswered = false;
  #error: FairleadError | null = null;
  #timer: NodeJS.Timeout | null = null;
  #deadline: NodeJS.Timeout | null = null;
  #upgrade: DoorUpgrade | null = null;
  #acceptance: NodeJS.Timeout | null = null;
  /** When the last byte passed, by `performance.now`. */
  #activeAt = performance.now();

  constructor(stream: PeerStream, use: StreamUse, options: ServedExchangeOptions) {
    this.#stream = stream;
    this.#use = use;
    this.#options = options;
    this.#encoder = new ResponseEncoder((bytes) => this.#write(bytes));
    this.#accepted.promise.catch(() => {});
    stream.on("data", (bytes: Buffer) => this.#take(bytes));
    stream.on("end", () => this.#ended());
    stream.on("drain", () => {
      this.#target?.resume();
      this.#note();
    });
    stream.on("close", () => this.#close());
    if (stream.destroyed) this.#close();
    else this.#watch(options.limits.firstByteMs);
  }

  /** Resolves when the stream was accepted; rejects with the reason why the request reached no target. */
  get accepted(): Promise<void> {
    return this.#accepted.promise;
  }

  // ---- the request -----------------------------------------------------------------------------------

  #take(bytes: Buffer): void {
    this.#use.flow.toTarget.add(bytes.length);
    this.#activeAt = performance.now();
    if (this.#isDiscarding) return;
    const target = this.#target;
    target?.cork();
    try {
      this.#decoder.push(bytes);
    } catch (error) {
      this.#fail(asFairleadError(error, "exchange.malformed"));
    } finally {
      target?.uncork();
    }
    // The rest waits in the stream, where its window bounds it.
    if (this.#pending !== null && this.#request !== null && !this.#isWhole) this.#stream.pause();
  }

  #ended(): void {
    if (this.#isDiscarding) return;
    try {
      this.#decoder.end();
    } catch (error) {
      this.#fail(asFairleadError(error, "exchange.malformed"));
    }
  }

  onHead(head: RequestHead): void {
    const { peer, door } = this.#use;
    const { trace } = this.#use.flow;
    const named = door === undefined ? withSite(head, peer) : withDoor(head, door);
    this.#request = trace === null ? named : withTraceparent(named, trace.traceparent);
    if (door !== undefined && head.protocol === "websocket") this.#beginUpgrade(head, door.hostname);
    this.#isGrpc = isGrpc(head);
    // The rest of these bytes may have the end of the request: it is sent once they are read.
    queueMicrotask(() => void this.#send());
  }

  onContent(bytes: Uint8Array): void {
    if (this.#pending !== null) this.#pending.push(bytes);
    else if (this.#upgrade === null && this.#target?.content(bytes) === false) {
      this.#stream.pause();
      this.#note();
    }
  }

  onTrailers(fields: Fields): void {
    this.#requestTrailers = trailersOf(fields);
  }

  onEnd(): void {
    this.#isWhole = true;
    if (this.#upgrade === null) this.#target?.end(this.#requestTrailers);
  }

  /** Finds a connection to a target, accepts the stream, and sends what has arrived of the request. */
  async #send(): Promise<void> {
    const request = this.#request;
    if (request === null || this.#error !== null) return;
    const stream = this.#stream;
    try {
      const found = await this.#options.find({ stream, use: this.#use, request, isGrpc: this.#isGrpc });
      this.#found = found;
      if (!stream.destroyed && this.#error === null) {
        this.#use.flow.protocol = this.#protocol;
        this.#begin(found, request);
        return;
      }
      found.connection.abandon();
      found.end();
    } catch (error) {
      this.#fail(asFairleadError(error, "stream.internal"));
    }
  }

  #begin(found: FoundTarget, request: RequestHead): void {
    const stream = this.#stream;
    const { flow } = this.#use;
    stream.accept(this.#isWhole);
    if (this.#isWhole) this.#acceptance = setTimeout(() => stream.sendAccept(), ACCEPT_WITHIN_MS);
    flow.open();
    this.#accepted.resolve();
    const content = this.#pending ?? [];
    this.#pending = null;
    // The request of an upgrade ends in the stream; what the client sends to the target comes by the WebSocket.
    const isUpgrade = this.#upgrade !== null;
    const isBare = this.#isWhole && content.length === 0 && this.#requestTrailers.length === 0 && !isUpgrade;
    const events = isUpgrade ? new UpgradeEvents(this, (head) => this.#switched(head)) : this;
    const target = found.connection.send(request, isBare, events);
    this.#target = target;
    this.#activeAt = performance.now();
    const timeout = this.#isGrpc ? grpcTimeoutMs(request) : null;
    if (timeout !== null) {
      this.#deadline = setTimeout(
        () => this.#expire("within the deadline of the call"),
        Math.min(timeout, MAX_TIMER_MS),
      );
    }
    if (isBare) return;
    if (isUpgrade) {
      stream.resume();
      return;
    }
    target.cork();
    let more = true;
    for (const bytes of content) more = target.content(bytes);
    if (this.#isWhole) target.end(this.#requestTrailers);
    target.uncork();
    if (more) stream.resume();
    else this.#note();
  }

  // ---- a WebSocket of a door's client ----------------------------------------------------------------

  #beginUpgrade(head: RequestHead, hostname: string): void {
    const { webSockets } = this.#options;
    const ticket = fieldOf(head.fields, TICKET_FIELD);
    if (webSockets === null || ticket === null) return;
    const joiner = webSockets();
    const release = joiner.admit(hostname, clientAddress(head) ?? "");
    this.#upgrade = { hostname, ticket, joiner, release, cancelled: new AbortController(), isJoined: false };
    // The handshake with the target is this side's, and so is the version of its WebSocket.
    const request = this.#request ?? head;
    this.#request = { ...request, fields: [...request.fields, "sec-websocket-version", WEBSOCKET_VERSION] };
  }

  /** The target has switched protocols: its bytes go to the WebSocket from here on. */
  #switched(head: ResponseHead): TargetEvents {
    const [target, upgrade] = [this.#target, this.#upgrade];
    if (target === null || upgrade === null) return this;
    const { hostname, ticket, joiner, cancelled } = upgrade;
    this.#found?.answered();
    const { events, opened } = joiner.join({
      ...{ hostname, ticket, target, service: this.#stream.service, signal: cancelled.signal },
      flow: this.#use.flow,
      ended: (error) => this.#webSocketEnded(error),
    });
    this.#target = null;
    void opened.then(
      () => this.#joined(head),
      (error: unknown) => this.#fail(asFairleadError(error, "exchange.failed")),
    );
    return events;
  }

  /** The edge's end is open: the client gets the target's answer, and the exchange ends. */
  #joined(head: ResponseHead): void {
    if (this.#upgrade === null || this.#stream.destroyed || this.#error !== null) return;
    this.#upgrade.isJoined = true;
    this.#status = head.status;
    this.#encode(() => this.#encoder.head(head, true));
    this.#answered();
  }

  #webSocketEnded(error: FairleadError | null): void {
    this.#upgrade?.release();
    if (this.#upgrade?.isJoined !== true) return;
    this.#found?.end();
    this.#use.flow.end(error);
    this.#report();
  }

  // ---- the response (TargetEvents) -------------------------------------------------------------------

  informational(head: InformationalHead): void {
    this.#activeAt = performance.now();
    this.#encode(() => this.#encoder.informational(head));
  }

  head(head: ResponseHead, ended: boolean): void {
    this.#activeAt = performance.now();
    this.#status = head.status;
    this.#found?.answered();
    if (this.#isGrpc) this.#noteGrpcStatus(head.fields);
    this.#encode(() => this.#encoder.head(head, ended));
    if (ended) this.#answered();
  }

  content(bytes: Uint8Array): void {
    this.#activeAt = performance.now();
    this.#encode(() => this.#encoder.content(bytes));
  }

  end(trailers: Fields): void {
    if (this.#isGrpc) this.#noteGrpcStatus(trailers);
    this.#encode(() => this.#encoder.end(trailers));
    this.#answered();
  }

  drained(): void {
    this.#activeAt = performance.now();
    this.#stream.resume();
    this.#note();
  }

  failed(error: FairleadError): void {
    this.#target = null;
    if (this.#status === 0) this.#found?.failed(error);
    this.#fail(error);
  }

  unwanted(): void {
    this.#target = null;
    this.#isDiscarding = true;
    this.#stream.resume();
  }

  /** Runs a step of the encoder. */
  #encode(step: () => void): void {
    if (this.#stream.destroyed || this.#error !== null) return;
    try {
      step();
    } catch (error) {
      const { message } = asFairleadError(error, "stream.internal");
      this.#fail(
        new FairleadError("exchange.bad_response", `The target's response cannot be sent: ${message}`),
      );
    }
  }

  #write(bytes: Uint8Array): void {
    this.#use.flow.toClient.add(bytes.length);
    if (!sendPiece(this.#stream, bytes)) this.#target?.pause();
  }

  /** The whole response was encoded. */
  #answered(): void {
    if (this.#error !== null) return;
    this.#isAnswered = true;
    this.#clearDeadline();
    this.#stream.end();
  }

  // ---- the end ---------------------------------------------------------------------------------------

  /** Ends the exchange before its response is complete. */
  #fail(error: FairleadError): void {
    if (this.#error !== null || this.#isAnswered) {
      if (this.#isAnswered) this.unwanted();
      return;
    }
    this.#error = error;
    this.#target?.cancel();
    this.#target = null;
    if (this.#pending !== null) {
      // Before ACCEPT, the one who serves the stream resets it.
      this.#accepted.reject(error);
      return;
    }
    // What the client got of the response stays true; that it is not complete is what the reset says.
    if (this.#status === 0) this.#stream.destroy(error);
    else this.#stream.resetAfterWrites(error);
  }

  #close(): void {
    const { flow } = this.#use;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#acceptance !== null) clearTimeout(this.#acceptance);
    this.#clearDeadline();
    this.#target?.cancel();
    this.#target = null;
    const upgrade = this.#upgrade;
    if (upgrade?.isJoined === true) return;
    upgrade?.cancelled.abort();
    upgrade?.release();
    const wasAccepted = this.#pending === null;
    const { errored } = this.#stream;
    const reason = this.#isAnswered
      ? null
      : (this.#error ??
        asFairleadError(errored ?? new FairleadError("stream.cancelled"), "stream.cancelled"));
    this.#error ??= reason;
    this.#found?.end();
    if (!wasAccepted) {
      this.#accepted.reject(reason ?? new FairleadError("stream.cancelled"));
    } else flow.end(reason);
    this.#report();
  }

  /** Ends an exchange that is silent for too long. */
  #watch(ms: number): void {
    this.#timer = setTimeout(() => {
      const isWaiting = this.#status === 0;
      // A switched protocol may be silent, and so may a call with a deadline.
      if (this.#status === 101 || this.#deadline !== null) return;
      const limit =
        isWaiting && !this.#isGrpc ? this.#options.limits.firstByteMs : this.#options.limits.idleMs;
      const left = limit - (performance.now() - this.#activeAt);
      if (left > 0) this.#watch(left);
      else this.#expire(`for ${Math.round(limit / 1000)} s`);
    }, ms);
  }

  #expire(duration: string): void {
    const isWaiting = this.#status === 0;
    const text =
      this.#request === null
        ? "The request did not arrive"
        : isWaiting
          ? "The target did not respond"
          : "The exchange was silent";
    const error = new FairleadError("exchange.timeout", `${text} ${duration}.`);
    if (isWaiting && this.#target !== null) this.#found?.failed(error);
    if (this.#isAnswered) this.#stream.destroy(error);
    else this.#fail(error);
  }

  #clearDeadline(): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#deadline = null;
  }

  /** What waits for a slow target counts as the peer's. */
  #note(): void {
    if (this.#target !== null) this.#stream.noteQueued(this.#target.queue);
  }

  #noteGrpcStatus(fields: Fields): void {
    const text = fieldOf(fields, "grpc-status");
    if (text !== null && /^\d{1,3}$/.test(text)) this.#grpcStatus = Number(text);
  }

  get #protocol(): RequestProtocol {
    if (this.#isGrpc) return "grpc";
    return this.#found?.connection.version === "2" ? "http2" : "http1";
  }

  #report(): void {
    const { requests } = this.#options.relay;
    const request = this.#request;
    if (!requests.areRead || request === null) return;
    const { flow } = this.#use;
    const { startedAt, endedMs, firstByteMs, bytesToTarget, bytesToClient, outcome } = flow;
    requests.requestEnded(
      requestReport(flow, {
        protocol: this.#protocol,
        method: request.method,
        authority: request.authority === "" ? undefined : authorityOf(request.authority),
        path: pathOf(request.path),
        status: this.#status,
        grpcStatus: this.#grpcStatus ?? undefined,
        startedAt,
        ms: endedMs ?? 0,
        firstByteMs,
        bytesToTarget,
        bytesToClient,
        outcome: outcome ?? "completed",
      }),
    );
  }
}
