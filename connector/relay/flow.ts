/**
 * The flow of one client connection, as one side of the network knows it: ids, bytes each way, times and outcome. The
 * relay keeps the flow; logs, status and observers read it.
 */
import type { ErrorCode, FairleadError } from "../../protocol/errors.ts";
import type { TrafficProtocol } from "../../protocol/telemetry/series.ts";
import type { Instance } from "../../protocol/uplink/messages.ts";
import type { FlowTrace } from "./flow-trace.ts";

/** Which end of the stream this connector is: the client's listener, or the service's target. */
export type FlowSide = "listener" | "target";

export type FlowOutcome = "completed" | ErrorCode;

/** The facts that are known when a flow starts. */
export interface FlowStart {
  readonly side: FlowSide;
  readonly service: string;
  /** Ids of the network and of this connector's site. */
  readonly network: string;
  readonly site: string;
  /** The client's address and port, where this side knows them. */
  readonly client?: string | null;
  /** The peer and its stream, on the target side. */
  readonly peer?: Instance;
  readonly stream?: StreamIds;
  /** Whether the peer is a door; false unless given. */
  readonly isDoor?: boolean;
  /** "tcp" unless given. */
  readonly protocol?: TrafficProtocol;
  /** Whether the service is one of Fairlead's own, such as a zone, that no client uses; false unless given. */
  readonly isInternal?: boolean;
  /** The W3C trace context of the client's request, or of the peer's span. */
  readonly traceparent?: string | null;
}

/** Identifies a stream. */
export interface StreamIds {
  /** Id of the session that carries the stream. */
  readonly session: string;
  /** The stream's id in its session. */
  readonly id: number;
}

/** A flow as observers see it. Times are ms after its start, by a clock that never goes back. */
export interface FlowView {
  readonly side: FlowSide;
  readonly service: string;
  readonly network: string;
  readonly site: string;
  /** The client's address and port; null on the target side, and when the client was gone at once. */
  readonly client: string | null;
  /** When the flow started, ms since 1970. */
  readonly startedAt: number;
  /** The instance at the other end; on the listener side, the instance that was tried last. */
  readonly peer: Instance | null;
  /** Whether the peer is a door: its id and hostname then stand in place of a site's id and name. */
  readonly isDoor: boolean;
  /** What the stream carries: a connection, datagrams, or one request of HTTP. */
  readonly protocol: TrafficProtocol;
  /** Whether the service is one of Fairlead's own, which telemetry does not count. */
  readonly isInternal: boolean;
  /** Id of the session that carries the stream, and the stream's id in it. */
  readonly session: string | null;
  readonly stream: number | null;
  /** The target's host and port; null on the listener side. */
  readonly target: string | null;
  /** Bytes that this side handed on towards the target, and towards the client. */
  readonly bytesToTarget: number;
  readonly bytesToClient: number;
  /** When the first byte was handed on towards the client; null before. */
  readonly firstByteMs: number | null;
  /** When both ends were joined; null before, and when they never were. */
  readonly openedMs: number | null;
  readonly endedMs: number | null;
  /** Null until the flow has ended. */
  readonly outcome: FlowOutcome | null;
  /** The span of the flow; absent or null while it is not traced. */
  readonly trace?: FlowTrace | null;
}

/** Counts the bytes that this side handed on in one direction. */
export class ByteCount {
  bytes = 0;
  /** When the first byte was handed on, by `performance.now`; 0 before. */
  firstAt = 0;

  add(bytes: number): void {
    if (this.bytes === 0) this.firstAt = performance.now();
    this.bytes += bytes;
  }
}

/** Reads the bytes of a client's connection as they pass. It neither throws nor changes them. */
export interface TrafficObserver {
  toTarget(chunk: Buffer): void;
  toClient(chunk: Buffer): void;
  /** The flow has ended. */
  ended(outcome: FlowOutcome): void;
}

export interface FlowEvents {
  /** The flow has ended: its outcome is known. Called once. */
  ended(flow: Flow, error: FairleadError | null): void;
  /** Writes a log line about the flow. */
  log(level: FlowLogLevel, fields: Record<string, unknown>, message: string): void;
}

export type FlowLogLevel = "debug" | "info" | "warn";

export class Flow implements FlowView {
  readonly side: FlowSide;
  readonly service: string;
  readonly network: string;
  readonly site: string;
  readonly client: string | null;
  readonly isDoor: boolean;
  readonly isInternal: boolean;
  /** The server of an exchange sets it when the request is known. */
  protocol: TrafficProtocol;
  readonly startedAt = Date.now();
  readonly #started = performance.now();
  readonly toTarget = new ByteCount();
  readonly toClient = new ByteCount();
  /** Reads the bytes that pass; null while nothing does. */
  traffic: TrafficObserver | null = null;
  /** The span of the flow; null while it is not traced. */
  trace: FlowTrace | null = null;
  readonly #events: FlowEvents;
  #peer: Instance | null = null;
  #session: string | null = null;
  #stream: number | null = null;
  #target: string | null = null;
  #openedMs: number | null = null;
  #endedMs: number | null = null;
  #failure: FairleadError | null = null;

  constructor(start: FlowStart, events: FlowEvents) {
    const { side, service, network, site, client = null, peer = null, stream } = start;
    this.side = side;
    this.service = service;
    this.network = network;
    this.site = site;
    this.client = client;
    this.protocol = start.protocol ?? "tcp";
    this.isDoor = start.isDoor === true;
    this.isInternal = start.isInternal === true;
    this.#events = events;
    this.#peer = peer;
    if (stream !== undefined) this.setStream(stream);
  }

  get peer(): Instance | null {
    return this.#peer;
  }

  get session(): string | null {
    return this.#session;
  }

  get stream(): number | null {
    return this.#stream;
  }

  get target(): string | null {
    return this.#target;
  }

  get bytesToTarget(): number {
    return this.toTarget.bytes;
  }

  get bytesToClient(): number {
    return this.toClient.bytes;
  }

  get firstByteMs(): number | null {
    const { bytes, firstAt } = this.toClient;
    return bytes === 0 ? null : firstAt - this.#started;
  }

  get openedMs(): number | null {
    return this.#openedMs;
  }

  get endedMs(): number | null {
    return this.#endedMs;
  }

  get outcome(): FlowOutcome | null {
    if (this.#endedMs === null) return null;
    return this.#failure?.code ?? "completed";
  }

  /** Names the instance that is tried next, and drops the session and stream of an earlier try. */
  setPeer(peer: Instance): void {
    this.#peer = peer;
    this.#session = null;
    this.#stream = null;
  }

  setStream({ session, id }: StreamIds): void {
    this.#session = session;
    this.#stream = id;
  }

  setTarget(target: string): void {
    this.#target = target;
  }

  /** Has the observer, if there is one, read a chunk that this side hands on. */
  observe(chunk: Buffer, direction: ByteCount): void {
    if (this.traffic === null) return;
    if (direction === this.toTarget) this.traffic.toTarget(chunk);
    else this.traffic.toClient(chunk);
  }

  /** Both ends are about to be joined. */
  open(): void {
    this.#openedMs = performance.now() - this.#started;
  }

  /** One of the ends broke. The first error becomes the outcome, once {@link end} is called. */
  fail(error: FairleadError): void {
    this.#failure ??= error;
  }

  /** Both ends are gone. The outcome is the first failure; without one the flow is completed. Later calls do nothing. */
  end(error: FairleadError | null = null): void {
    if (this.#endedMs !== null) return;
    if (error !== null) this.fail(error);
    this.#endedMs = performance.now() - this.#started;
    this.traffic?.ended(this.#failure?.code ?? "completed");
    // Records of flows outlive them; what the observer of bytes holds does not.
    this.traffic = null;
    this.#events.ended(this, this.#failure);
  }

  /** Writes a log line that carries the flow's ids. */
  log(level: FlowLogLevel, fields: Record<string, unknown>, message: string): void {
    this.#events.log(level, { ...flowIds(this), ...fields }, message);
  }
}

/** The log fields that identify a flow. Every line of the relay's log has the ids of network and site as well. */
export function flowIds({ session, stream, service, side, peer, client, target }: FlowView) {
  const ids: Record<string, string | number | null> = { service, side };
  if (session !== null) {
    ids.session = session;
    ids.stream = stream;
  }
  if (peer !== null) {
    ids.peer = peer.siteName;
    ids.peerSite = peer.site;
  }
  if (client !== null) ids.client = client;
  if (target !== null) ids.target = target;
  return ids;
}
