/**
 * Serves the streams of peers, as long as a peer may use the service. The server of the stream's kind connects the
 * stream with a target.
 */
import { DATAGRAM_KIND } from "../../protocol/datagrams/framing.ts";
import { asFairleadError, type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { EXCHANGE_KIND } from "../../protocol/exchange/head.ts";
import type { TrafficProtocol } from "../../protocol/telemetry/series.ts";
import { IngressPolicy } from "../config/ingress.ts";
import type { Peer } from "../config/scope.ts";
import type { Log } from "../log.ts";
import type { Relay } from "../relay/relay.ts";
import { exposedPort, type Offers } from "./offers.ts";
import { PeerStreams } from "./peer-streams.ts";
import { SiteNames } from "./site-names.ts";
import type { PeerStream, PeerStreamOrigin, StreamServer, StreamUse } from "./stream-server.ts";
import { checkHops } from "./target-dials.ts";

/** What streams carry, by their kind. The server of exchanges finds the version of HTTP. */
const PROTOCOLS: ReadonlyMap<string, TrafficProtocol> = new Map([
  [EXCHANGE_KIND, "http1"],
  [DATAGRAM_KIND, "udp"],
]);

export interface TargetStreamsOptions {
  readonly offers: Offers;
  /** The servers of streams, by the kind that they serve. */
  readonly servers: ReadonlyMap<string, StreamServer>;
  readonly relay: Relay;
  /** What this site publishes by hostnames; nothing unless given. */
  readonly ingress?: IngressPolicy;
  readonly names?: SiteNames;
  readonly log: Log;
}

/** A stream of a peer, before it is known whether the peer may use the service. */
interface OfferedStream extends Pick<StreamUse, "peer" | "flow" | "signal"> {
  readonly origin: PeerStreamOrigin;
}

export class TargetStreams {
  readonly #options: TargetStreamsOptions;
  readonly #open = new PeerStreams();
  readonly #names: SiteNames;
  readonly #ingress: IngressPolicy;
  /** Services that the network does not let this site offer. */
  #forbidden: ReadonlySet<string> = new Set();

  constructor(options: TargetStreamsOptions) {
    this.#options = options;
    this.#names = options.names ?? new SiteNames();
    this.#ingress = options.ingress ?? new IngressPolicy();
  }

  /** Serves a peer's stream, or resets the stream with the reason why not. Never throws. */
  async serve(stream: PeerStream, origin: PeerStreamOrigin): Promise<void> {
    const { relay } = this.#options;
    const peer = this.#names.current(origin.peer);
    const { service, kind } = stream;
    const protocol = PROTOCOLS.get(kind) ?? "tcp";
    const isDoor = origin.door !== undefined;
    const flow = relay.start({
      ...{ side: "target", service, peer, stream, isDoor, protocol },
      traceparent: stream.traceparent ?? null,
    });
    const closed = new AbortController();
    const close = (): void => closed.abort();
    stream.on("close", close);
    try {
      const { server, use } = this.#admit(stream, { origin, peer, flow, signal: closed.signal });
      await server.serve(stream, use);
    } catch (thrown) {
      const error = asFairleadError(stream.errored ?? thrown, "stream.internal");
      stream.destroy(error);
      flow.end(error);
    } finally {
      stream.off("close", close);
    }
  }

  /** Decides whether the peer may use the service. @throws FairleadError service.*, stream.kind_unsupported. */
  #admit(
    stream: PeerStream,
    { origin, peer, flow, signal }: OfferedStream,
  ): { readonly server: StreamServer; readonly use: StreamUse } {
    const { service, kind, hops } = stream;
    const { encryption, draining } = origin;
    const { offers, servers } = this.#options;
    if (draining) throw new FairleadError("service.draining");
    const server = servers.get(kind);
    if (server === undefined) throw new FairleadError("stream.kind_unsupported");
    checkHops(hops);
    if (this.#forbidden.has(service)) throw new FairleadError("service.forbidden");
    const door = origin.door && {
      ...origin.door,
      access: this.#ingress.permit(origin.door.hostname, service).access,
    };
    // A door is no site: neither a scope nor the mode of encryption is for it, but the configuration of doors alone.
    const exposure =
      door === undefined
        ? offers.target(service, origin.own === true ? null : peer, encryption)
        : offers.published(service);
    const port = exposedPort(exposure, stream.port);
    if ((kind === DATAGRAM_KIND) !== (port.protocol === "udp"))
      throw new FairleadError("stream.kind_unsupported");
    if (origin.own !== true) this.#open.add(stream, service, door === undefined ? origin.peer : null);
    return { server, use: { exposure, port, peer, encryption, door, flow, signal } };
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
      if (peer === null) return null;
      return offers.mayStay(service, this.#names.current(peer)) ? null : "service.not_exported";
    });
    for (const [code, streams] of reset) log.info({ streams, code }, "Streams were reset.");
  }
}
