/** Serves the streams of peers: each gets a connection to a target of its service, as long as the peer may have it. */
import { asFairleadError, type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { DEFAULT_KIND } from "../../protocol/stream-kind.ts";
import type { Encryption, Instance } from "../../protocol/uplink/messages.ts";
import type { Peer } from "../config/scope.ts";
import type { Log } from "../log.ts";
import { formatAddress } from "../net/local-socket.ts";
import type { Flow } from "../relay/flow.ts";
import type { Relay, RelayStream } from "../relay/relay.ts";
import type { Offers } from "./offers.ts";
import { PeerStreams } from "./peer-streams.ts";
import { SiteNames } from "./site-names.ts";
import { checkHops } from "./target-dials.ts";
import type { TargetPool } from "./target-pool.ts";

/** A stream that a peer opened. */
export interface PeerStream extends RelayStream {
  readonly service: string;
  /** The kind of stream that the opener requested. */
  readonly kind: string;
  /** Number of streams that the client's connection has passed through, as reported by the opener. */
  readonly hops: number;
  /** Accepts the stream: from here on it can be read and written to. */
  accept(): void;
}

/** The origin of a stream, and whether this connector is draining. */
export interface PeerStreamOrigin {
  readonly peer: Instance;
  readonly encryption: Encryption;
  readonly draining: boolean;
}

export interface TargetStreamsOptions {
  readonly offers: Offers;
  readonly pool: TargetPool;
  readonly relay: Relay;
  readonly names?: SiteNames;
  readonly log: Log;
}

export class TargetStreams {
  readonly #options: TargetStreamsOptions;
  readonly #open = new PeerStreams();
  readonly #names: SiteNames;
  /** Services that the network does not let this site offer. */
  #forbidden: ReadonlySet<string> = new Set();

  constructor(options: TargetStreamsOptions) {
    this.#options = options;
    this.#names = options.names ?? new SiteNames();
  }

  /** Joins a peer's stream with a target, or resets the stream with the reason why not. Never throws. */
  async serve(stream: PeerStream, origin: PeerStreamOrigin): Promise<void> {
    const { relay } = this.#options;
    const peer = this.#names.current(origin.peer);
    const flow = relay.start({ side: "target", service: stream.service, peer, stream });
    const closed = new AbortController();
    const close = (): void => closed.abort();
    stream.on("close", close);
    try {
      const target = await this.#connect(stream, { origin, flow, signal: closed.signal });
      if (!stream.destroyed) stream.accept();
      relay.join(target, stream, flow);
    } catch (thrown) {
      const error = asFairleadError(stream.errored ?? thrown, "stream.internal");
      stream.destroy(error);
      flow.end(error);
    } finally {
      stream.off("close", close);
    }
  }

  /** @throws FairleadError service.*, stream.cancelled, stream.kind_unsupported. */
  async #connect(
    stream: PeerStream,
    { origin, flow, signal }: { origin: PeerStreamOrigin; flow: Flow; signal: AbortSignal },
  ) {
    const { service, kind, hops } = stream;
    const { peer, encryption, draining } = origin;
    const { offers, pool } = this.#options;
    if (draining) throw new FairleadError("service.draining");
    if (kind !== DEFAULT_KIND) throw new FairleadError("stream.kind_unsupported");
    checkHops(hops);
    if (this.#forbidden.has(service)) throw new FairleadError("service.forbidden");
    const exposure = offers.target(service, this.#names.current(peer), encryption);
    flow.setTarget(formatAddress(exposure.host, exposure.port));
    this.#open.add(stream, service, peer);
    return await pool.connect(exposure, { site: peer.site, hops, signal });
  }

  /** Takes the names of sites as the registry mentions them. A renamed site may be outside a service's scope. */
  note(sites: Iterable<Peer>): void {
    if (this.#names.note(sites)) this.review();
  }

  /** Replaces the names of the services that the network does not let this site offer. */
  forbid(services: Iterable<string>): void {
    this.#forbidden = new Set(services);
    this.review();
  }

  /** Resets the streams of sites outside their service's scope, and those of forbidden services. */
  review(): void {
    const { offers, log } = this.#options;
    const reset = this.#open.review((service, peer): ErrorCode | null => {
      if (this.#forbidden.has(service)) return "service.forbidden";
      return offers.mayStay(service, this.#names.current(peer)) ? null : "service.not_exported";
    });
    for (const [code, streams] of reset) log.info({ streams, code }, "Streams were reset.");
  }
}
