/**
 * Joins local connections with streams of sessions, and keeps a {@link Flow} for each, on the listener side and on the
 * target side alike. As with TCP, what came before a reset is delivered in order, and the reset after it.
 */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { FairleadError } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import { LogThrottle } from "../log-throttle.ts";
import { readAfterBrokenWrite } from "./broken-write.ts";
import { Flow, type FlowEvents, type FlowStart, flowIds, type StreamIds } from "./flow.ts";
import type { FlowTracer } from "./flow-trace.ts";
import { resetAfterFlush, resetSocket } from "./flushed-reset.ts";
import type { FlowObserver } from "./observer.ts";
import { type Direction, pump, type SendStream, sendToStream, writeToLocal } from "./pump.ts";
import { RequestReports } from "./request-report.ts";

/** A stream of a session, as far as the relay uses it. */
export interface RelayStream extends SendStream, StreamIds {
  /** Counts the bytes that wait in `local`, which the stream's peer made this process hold. */
  noteQueued(local: Duplex): void;
  /** Resets the stream with `error` once everything that was written to it has gone out. */
  resetAfterWrites(error: FairleadError): void;
}

export interface RelayOptions {
  /** Ids of the network and of this connector's site. */
  readonly network: string;
  readonly site: string;
  readonly log: Log;
}

export class Relay {
  /** Takes the report of each request, whichever part of the connector saw it. */
  readonly requests: RequestReports;
  /** Begins the spans of flows; null while nothing is traced. */
  tracer: FlowTracer | null = null;
  readonly #network: string;
  readonly #site: string;
  readonly #log: Log;
  /** Failures of flows, which a peer or a client can cause at any rate. */
  readonly #failures: LogThrottle;
  readonly #observers = new Set<FlowObserver>();
  readonly #events: FlowEvents = {
    ended: (flow, error) => this.#ended(flow, error),
    log: (level, fields, message) => this.#log[level](fields, message),
  };
  #flows = 0;

  constructor({ network, site, log }: RelayOptions) {
    this.#network = network;
    this.#site = site;
    this.#log = log.child({ network, site });
    this.requests = new RequestReports(this.#log);
    this.#failures = new LogThrottle(this.#log, (count) => `Further flows failed: ${count}.`);
  }

  /** Flows that have not ended. */
  get flows(): number {
    return this.#flows;
  }

  /** Writes the counts of failures that have no line of their own. Flows may still end afterwards. */
  close(): void {
    this.#failures.close();
  }

  /** Starts the flow of a client connection. It ends by {@link join}, or by its own `end` when nothing is joined. */
  start(start: Omit<FlowStart, "network" | "site">): Flow {
    this.#flows++;
    const flow = new Flow({ ...start, network: this.#network, site: this.#site }, this.#events);
    if (this.tracer !== null) flow.trace = this.tracer.begin(flow, start.traceparent ?? null);
    this.#notify("flowStarted", flow);
    return flow;
  }

  /** Notes that both ends of a flow are connected, for a flow that ends without {@link join}. */
  opened(flow: Flow): void {
    flow.open();
    this.#notify("flowOpened", flow);
  }

  /** Adds an observer. Returns the function that removes it. */
  observe(observer: FlowObserver): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
  }

  /**
   * Copies both ways until both ends have finished; each direction ends by itself. When one end breaks or closes before
   * its end, the other end gets what was read from it and is destroyed: the stream with `stream.cancelled` or the
   * FairleadError of the local connection, a socket with a reset, so that no reader takes half an answer for a whole one.
   * When the stream ended for a reason of its own, such as a revocation, the socket is reset at once.
   * A socket must have been made with `allowHalfOpen: true`. The flow ends when both ends are closed.
   */
  join(local: Duplex, stream: RelayStream, flow: Flow): void {
    if (!local.destroyed && !stream.destroyed) this.opened(flow);
    joinStreams(local, stream, flow);
  }

  #ended(flow: Flow, error: FairleadError | null): void {
    this.#flows--;
    if (error !== null || this.#log.isLevelEnabled("debug")) this.#logEnd(flow, error);
    flow.trace?.ended(flow);
    this.#notify("flowEnded", flow);
  }

  #logEnd(flow: Flow, error: FairleadError | null): void {
    const { bytesToTarget, bytesToClient, openedMs, firstByteMs, endedMs, outcome } = flow;
    const fields = Object.assign(flowIds(flow), {
      bytesToTarget,
      bytesToClient,
      openedMs: round(openedMs),
      firstByteMs: round(firstByteMs),
      ms: round(endedMs),
      outcome,
    });
    if (error === null) this.#log.debug(fields, "The flow is completed.");
    else this.#logFailure(flow, fields, error);
  }

  #logFailure(flow: Flow, fields: Record<string, unknown>, { code, message }: FairleadError): void {
    const text = `The flow failed: ${message}`;
    if (isQuiet(flow)) {
      this.#log.debug({ ...fields, code }, text);
      return;
    }
    const { service, side, peer } = flow;
    const origin = peer === null ? {} : { peer: peer.siteName, peerSite: peer.site };
    this.#failures.write("info", { origin, about: { service, side, code } }, fields, text);
  }

  /** An observer that throws costs a log line, not the flow. */
  #notify(event: keyof FlowObserver, flow: Flow): void {
    for (const observer of this.#observers) {
      try {
        observer[event]?.(flow);
      } catch (thrown) {
        this.#log.error({ ...flowIds(flow), event }, `An observer of flows failed: ${String(thrown)}`);
      }
    }
  }
}

/**
 * Whether a failure needs no attention: the client left before it was served, or the process lacked descriptors, which
 * the descriptor watch logs for all of them together.
 */
function isQuiet({ outcome, openedMs }: Flow): boolean {
  return outcome === "connector.descriptors" || (outcome === "stream.cancelled" && openedMs === null);
}

function round(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}

function joinStreams(local: Duplex, stream: RelayStream, flow: Flow): void {
  let closed = 0;
  const onClose = () => {
    if (++closed === 2) flow.end();
  };
  const endLocal = (error: Error | null) => {
    flow.fail(reasonOf(error));
    abandonLocal(local, error);
  };
  const endStream = (error: Error | null) => {
    const reason = reasonOf(error);
    flow.fail(reason);
    if (!stream.destroyed) stream.resetAfterWrites(reason);
  };
  // The local connection is the client on the listener side, and the target on the target side.
  const isClient = flow.side === "listener";
  const [fromLocal, fromStream] = isClient ? [flow.toTarget, flow.toClient] : [flow.toClient, flow.toTarget];
  if (local instanceof Socket) readAfterBrokenWrite(local);
  watch(local, stream, { flow, count: fromLocal, abandon: endStream, onClose });
  watch(stream, local, { flow, count: fromStream, abandon: endLocal, onClose });
  if (local.destroyed || stream.destroyed) return;
  // A stalled connection holds as much in its own queue as in the stream's window: both count.
  const note = () => stream.noteQueued(local);
  pump(local, stream, sendToStream, { flow, count: fromLocal }, note);
  pump(stream, local, writeToLocal, { flow, count: fromStream }, note);
}

interface Watch extends Direction {
  /** Ends the other side. */
  readonly abandon: (error: Error | null) => void;
  readonly onClose: () => void;
}

/** Abandons `to` when `from` breaks or closes before its end. */
function watch(from: Duplex, to: Duplex, { flow, count, abandon, onClose }: Watch): void {
  from.on("error", (error) => {
    passRest(from, to, { flow, count });
    abandon(error);
  });
  if (from.destroyed) abandon(from.errored);
  if (from.closed) {
    onClose();
    return;
  }
  from.on("close", () => {
    if (!from.readableEnded || !from.writableFinished) {
      passRest(from, to, { flow, count });
      abandon(from.errored);
    }
    onClose();
  });
}

/** Passes on what was read from a connection that failed, and not passed on because the other side was slow. */
function passRest(from: Duplex, to: Duplex, { flow, count }: Direction): void {
  if (!(from instanceof Socket) || to.destroyed || to.writableEnded) return;
  for (;;) {
    const chunk: Buffer | null = from.read();
    if (chunk === null) return;
    count.add(chunk.length);
    flow.observe(chunk, count);
    to.write(chunk);
  }
}

/** Ends a local connection such that its other side does not take the end for an orderly one. */
function abandonLocal(local: Duplex, error: Error | null): void {
  if (local.destroyed) return;
  const reason = reasonOf(error);
  if (!(local instanceof Socket)) local.destroy(reason);
  else if (reason.code === "stream.cancelled") resetAfterFlush(local);
  else resetSocket(local);
}

function reasonOf(error: Error | null): FairleadError {
  return error instanceof FairleadError ? error : new FairleadError("stream.cancelled", error?.message);
}
