/**
 * Serves the streams of peers, as long as a peer may use the service. The server of the stream's kind connects the
 * stream with a target.
 */
import { asFairleadError, type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import type { Encryption, Instance } from "../../protocol/uplink/messages.ts";
import type { Peer } from "../config/scope.ts";
import { firstTarget } from "../config/service-options.ts";
import type { Log } from "../log.ts";
import { formatAddress } from "../net/local-socket.ts";
import type { Relay } from "../relay/relay.ts";
import { exposedPort, type Offers } from "./offers.ts";
import { PeerStreams } from "./peer-streams.ts";
import { SiteNames } from "./site-names.ts";
import type { PeerStream, StreamServer, StreamUse } from "./stream-server.ts";
import { checkHops } from "./target-dials.ts";

/** The origin of a stream, and whether this connector is draining. */
export interface PeerStreamOrigin {
  readonly peer: Instance;
  readonly encryption: Encryption;
  readonly draining: boolean;
}

export interface TargetStreamsOptions {
  readonly offers: Offers;
  /** The servers of streams, by the kind that they serve. */
  readonly servers: ReadonlyMap<string, StreamServer>;
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

  /** Serves a peer's stream, or resets the stream with the reason why not. Never throws. */
  async serve(stream: PeerStream, origin: PeerStreamOrigin): Promise<void> {
    const { relay } = this.#options;
    const peer = this.#names.current(origin.peer);
    const flow = relay.start({ side: "target", service: stream.service, peer, stream });
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
    {
      origin,
      ...use
    }: Omit<StreamUse, "exposure" | "port" | "encryption"> & { readonly origin: PeerStreamOrigin },
  ): { readonly server: StreamServer; readonly use: StreamUse } {
    const { service, kind, hops } = stream;
    const { encryption, draining } = origin;
    const { offers, servers } = this.#options;
    if (draining) throw new FairleadError("service.draining");
    const server = servers.get(kind);
    if (server === undefined) throw new FairleadError("stream.kind_unsupported");
    checkHops(hops);
    if (this.#forbidden.has(service)) throw new FairleadError("service.forbidden");
    const exposure = offers.target(service, use.peer, encryption);
    const port = exposedPort(exposure, stream.port);
    const target = firstTarget(port);
    use.flow.setTarget(formatAddress(target.host, target.port));
    this.#open.add(stream, service, origin.peer);
    return { server, use: { ...use, exposure, port, encryption } };
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
