/** What peers get of this site: a target for each stream that they may open, as long as they may. */
import { isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { asFairleadError, type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { DEFAULT_KIND } from "../../protocol/stream-kind.ts";
import type { Encryption, Instance } from "../../protocol/uplink/messages.ts";
import { unlessAborted } from "../async/abort.ts";
import type { Peer } from "../config/scope.ts";
import type { Log } from "../log.ts";
import { targetNames } from "../net/name-resolver.ts";
import { abandonLocal, joinStreams, type RelayStream } from "../relay/relay.ts";
import { type DescriptorWatch, NO_DESCRIPTORS } from "../resources/descriptor-watch.ts";
import { DialLimiter } from "./dial-limiter.ts";
import { dialTarget, type TargetDialOptions } from "./dial-target.ts";
import type { Offers } from "./offers.ts";
import { PeerStreams } from "./peer-streams.ts";
import { SiteNames } from "./site-names.ts";
import { checkHops, type TargetDials } from "./target-dials.ts";

/** A stream that a peer opened. */
export interface PeerStream extends RelayStream {
  readonly service: string;
  /** What the opener wants the stream to carry. */
  readonly kind: string;
  /** Streams that the client's connection has behind it, as the opener knows. */
  readonly hops: number;
  /** Accepts the stream: from here on it can be read and written to. */
  accept(): void;
}

/** Where a stream comes from, and whether this connector takes new streams. */
export interface PeerStreamOrigin {
  readonly peer: Instance;
  readonly encryption: Encryption;
  readonly draining: boolean;
}

/** What a peer's stream asks for. */
export interface TargetRequest {
  readonly service: string;
  /** What the stream carries; a TCP connection unless given. */
  readonly kind?: string;
  readonly peer: Instance;
  readonly encryption: Encryption;
  /** Streams that the client's connection has behind it; none unless given. */
  readonly hops?: number;
  /** Aborts when the stream ends. */
  readonly signal: AbortSignal;
}

export interface TargetStreamsOptions extends Omit<TargetDialOptions, "signal"> {
  /** Says whether there is a descriptor for a target. */
  readonly descriptors?: DescriptorWatch;
  /** Keeps the connections that may come back to a listener. */
  readonly dials?: TargetDials;
}

export class TargetStreams {
  readonly #offers: Offers;
  readonly #log: Log;
  readonly #open = new PeerStreams();
  readonly #names = new SiteNames();
  readonly #dialOptions: Omit<TargetDialOptions, "signal">;
  readonly #dials = new DialLimiter();
  readonly #descriptors: DescriptorWatch | undefined;
  readonly #targetDials: TargetDials | undefined;
  /** Services that the network does not let this site offer. */
  #forbidden: ReadonlySet<string> = new Set();

  constructor(offers: Offers, log: Log, { descriptors, dials, ...dialOptions }: TargetStreamsOptions = {}) {
    this.#offers = offers;
    this.#log = log;
    this.#dialOptions = dialOptions;
    this.#descriptors = descriptors;
    this.#targetDials = dials;
  }

  /** Joins a peer's stream with its target, or resets it with the reason why not. */
  async serve(stream: PeerStream, { peer, encryption, draining }: PeerStreamOrigin): Promise<void> {
    const { service, kind, hops } = stream;
    const ended = new AbortController();
    const end = (): void => ended.abort();
    stream.on("close", end);
    let target: Duplex;
    try {
      if (draining) throw new FairleadError("service.draining");
      target = await this.accept(stream, { service, kind, peer, encryption, hops, signal: ended.signal });
    } catch (thrown) {
      stream.destroy(asFairleadError(thrown, "stream.internal"));
      return;
    } finally {
      stream.off("close", end);
    }
    if (stream.destroyed) {
      target.on("error", () => {});
      abandonLocal(target);
      return;
    }
    stream.accept();
    joinStreams(target, stream);
  }

  /** The target's connection. An aborted `signal` gives the dial up. @throws FairleadError service.*, stream.cancelled, stream.kind_unsupported. */
  async accept(
    stream: Duplex,
    { service, kind = DEFAULT_KIND, peer, encryption, hops = 0, signal }: TargetRequest,
  ): Promise<Duplex> {
    if (kind !== DEFAULT_KIND) throw new FairleadError("stream.kind_unsupported");
    checkHops(hops);
    if (this.#forbidden.has(service)) throw new FairleadError("service.forbidden");
    const target = this.#offers.target(service, this.#names.current(peer), encryption);
    this.#open.add(stream, service, peer);
    // Ahead of the dial: a name that DNS does not answer for takes no place from other services.
    if (isIP(target.host) === 0) await this.#lookUp(target.host, signal);
    return await this.#dials.run(peer.site, service, signal, () => this.#dial(target, hops, signal));
  }

  /** Waits until the name's addresses, or the lack of them, are known. @throws FairleadError stream.cancelled */
  async #lookUp(host: string, signal: AbortSignal): Promise<void> {
    const { names = targetNames } = this.#dialOptions;
    const known = names.resolve(host).then(
      () => {},
      () => {},
    );
    await unlessAborted(known, signal, () => new FairleadError("stream.cancelled"));
  }

  async #dial(target: { host: string; port: number }, hops: number, signal: AbortSignal): Promise<Socket> {
    const options = { ...this.#dialOptions, signal };
    const descriptors = this.#descriptors;
    const dial = () =>
      this.#targetDials?.run(target.port, hops, () => dialTarget(target, options)) ??
      dialTarget(target, options);
    if (descriptors === undefined) return await dial();
    if (!descriptors.take()) throw new FairleadError("service.overloaded", NO_DESCRIPTORS);
    try {
      const socket = await dial();
      if (socket.closed) descriptors.release();
      else socket.once("close", descriptors.release);
      return socket;
    } catch (error) {
      descriptors.release();
      throw error;
    }
  }

  /** Takes names of sites as the registry mentions them: one that has another now may be one that a service is not for. */
  note(sites: Iterable<Peer>): void {
    if (this.#names.note(sites)) this.review();
  }

  /** Takes the names of services that the network does not let this site offer, in place of those told before. */
  forbid(services: Iterable<string>): void {
    this.#forbidden = new Set(services);
    this.review();
  }

  /** Resets the streams of sites that a service is for no more, and those of services that are forbidden. */
  review(): void {
    const reset = this.#open.review((service, peer): ErrorCode | null => {
      if (this.#forbidden.has(service)) return "service.forbidden";
      return this.#offers.mayStay(service, this.#names.current(peer)) ? null : "service.not_exported";
    });
    for (const [code, streams] of reset) this.#log.info({ streams, code }, "streams were reset");
  }
}
