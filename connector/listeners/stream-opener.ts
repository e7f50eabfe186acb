/** Opens the streams of clients: each at an instance of its service that the balancer selects. */
import { type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import type { VisibleOffer, VisibleService } from "../../protocol/uplink/messages.ts";
import { HopPolicy } from "../config/hop-policy.ts";
import type { Flow } from "../relay/flow.ts";
import type { RelayStream } from "../relay/relay.ts";
import { Balancer } from "./balancer.ts";
import type { Catalogue } from "./catalogue.ts";
import type { EarlyBytes } from "./early-data.ts";
import type { PeerLife } from "./open-deadline.ts";
import {
  type OpenedStream,
  type OpeningStream,
  type OwnOffer,
  openStream,
  type Repeats,
} from "./open-stream.ts";

/** What a client's stream asks for, beside its service. */
export interface StreamRequest {
  /** Number of streams behind the client's connection; 0 unless given. */
  readonly hops?: number | undefined;
  /** The port of the service; its first one unless given. */
  readonly port?: number | undefined;
  /** The kind of stream; the bytes of a TCP connection unless given. */
  readonly kind?: string | undefined;
  /** A W3C trace context of version 00. */
  readonly traceparent?: string | undefined;
}

/** Streams to other sites. The session manager has them. */
export interface Streams {
  /** Opens a stream with the offer's encryption: at once where a session is up. */
  open(service: string, peer: VisibleOffer, request: StreamRequest): OpeningStream | Promise<OpeningStream>;
  /** The signs of life of an instance, in the session that a new stream would use. */
  life(peer: VisibleOffer): PeerLife;
}

export interface StreamOpenerOptions {
  readonly catalogue: Catalogue;
  readonly streams: Streams;
  /** This connector's own offers; none unless given. */
  readonly own?: ((service: VisibleService) => OwnOffer | null) | undefined;
  /** Allows no hop encryption unless given. */
  readonly hop?: HopPolicy | undefined;
  /** The round trip to the edge, ms; null while it is not known. */
  readonly edgeRoundTrip?: (() => number | null) | undefined;
  /** How long the uplink has been up without a gap, ms; 0 while it is down. Infinite unless given. */
  readonly edgeUpForMs?: (() => number) | undefined;
  /** A clock that never goes back, ms; `performance.now` unless given. */
  readonly now?: (() => number) | undefined;
  /** 0 ≤ random() < 1; `Math.random` unless given. */
  readonly random?: (() => number) | undefined;
  readonly holdMs?: number | undefined;
}

/** A stream for one client. */
export interface ClientStream {
  /** The client's flow, which names the service. It learns each instance and stream that is tried. */
  readonly flow: Flow;
  readonly early: EarlyBytes;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  readonly request: StreamRequest;
  /** Instances that have failed the client already: they are tried after all others. */
  readonly tried?: ReadonlySet<VisibleOffer> | undefined;
  readonly repeats?: Repeats | undefined;
}

export class StreamOpener {
  readonly #options: StreamOpenerOptions;
  readonly #hop: HopPolicy;
  readonly #now: () => number;
  readonly #balancer: Balancer;
  readonly #stopping = new AbortController();

  constructor(options: StreamOpenerOptions) {
    this.#options = options;
    this.#hop = options.hop ?? new HopPolicy();
    this.#now = options.now ?? (() => performance.now());
    this.#balancer = new Balancer({ now: this.#now, random: options.random });
  }

  /**
   * Resolves with a stream that an instance of the service has accepted.
   * @throws FairleadError as {@link openStream} does.
   */
  async open(client: ClientStream): Promise<RelayStream> {
    const { stream, turn } = await this.openTurn(client);
    const end = () => turn.ended("unknown", lossOf(stream));
    if (stream.closed) end();
    else stream.once("close", end);
    return stream;
  }

  /**
   * As {@link open}, for a request, whose end tells of the target: call `ended` of the turn when it is over.
   * @throws FairleadError as {@link openStream} does.
   */
  openTurn({ flow, early, signal, request, tried, repeats }: ClientStream): Promise<OpenedStream> {
    const { catalogue, streams, own, holdMs, edgeRoundTrip = () => null } = this.#options;
    const { service } = flow;
    const lookup = () => catalogue.lookupPort(service, request.port);
    return openStream({
      service,
      flow,
      early,
      signal,
      tried,
      repeats,
      own,
      edgeRoundTrip,
      holdMs,
      port: request.port,
      kind: request.kind,
      balancer: this.#balancer,
      hop: this.#hop,
      stopping: this.#stopping.signal,
      lookup,
      changed: (ms, aborted) => catalogue.changed(ms, aborted),
      open: (name, peer) => {
        // A peer with one port for the service may not know which number the network has given it.
        const known = lookup();
        const port = known?.ports === undefined ? undefined : known.port;
        return streams.open(name, peer, { ...request, port });
      },
      life: (instance) => this.#life(instance),
      now: this.#now,
    });
  }

  /** Ends the waits for an instance. A stream that is opening may still be accepted. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Caps a peer's silence at the time that the uplink is up: while the edge is away, no peer can be heard. */
  #life(instance: VisibleOffer): PeerLife {
    const { silentMs, roundTripMs } = this.#options.streams.life(instance);
    const upForMs = this.#options.edgeUpForMs?.() ?? Number.POSITIVE_INFINITY;
    return { roundTripMs, silentMs: silentMs === null ? null : Math.min(silentMs, upForMs) };
  }
}

/**
 * The code with which a stream's session or lane was lost; undefined where the stream ended in another way, which says
 * nothing of the instance.
 */
export function lossOf({ errored }: Pick<RelayStream, "errored">): ErrorCode | undefined {
  if (!(errored instanceof FairleadError)) return undefined;
  return /^(session|lane)\./.test(errored.code) ? errored.code : undefined;
}
