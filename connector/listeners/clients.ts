/** The clients of listeners. Each gets a stream to an instance of its service, or a reset. */
import type { Socket } from "node:net";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { VisibleOffer } from "../../protocol/uplink/messages.ts";
import { HopPolicy } from "../config/hop-policy.ts";
import { formatAddress } from "../net/local-socket.ts";
import type { Flow } from "../relay/flow.ts";
import type { Relay, RelayStream } from "../relay/relay.ts";
import type { Catalogue } from "./catalogue.ts";
import { CircuitBreakers } from "./circuit-breakers.ts";
import { EarlyData } from "./early-data.ts";
import type { PeerLife } from "./open-deadline.ts";
import { type OpeningStream, openStream } from "./open-stream.ts";

/** What a client's stream asks for, beside its service. */
export interface StreamRequest {
  /** Number of streams behind the client's connection; 0 unless given. */
  readonly hops?: number;
  /** The port of the service; its first one unless given. */
  readonly port?: number | undefined;
  /** The kind of stream; the bytes of a TCP connection unless given. */
  readonly kind?: string | undefined;
  /** A W3C trace context of version 00. */
  readonly traceparent?: string | undefined;
}

/** Streams to other sites. The session manager has them. */
export interface Streams {
  /** Opens a stream with the offer's encryption. */
  open(service: string, peer: VisibleOffer, request: StreamRequest): Promise<OpeningStream>;
  /** Number of streams open to an instance; null without a session of the offer's encryption. */
  streamsTo(peer: VisibleOffer): number | null;
  /** The signs of life of an instance, in the session that a new stream would use. */
  life(peer: VisibleOffer): PeerLife;
}

/** Recognises clients that are connections of a connector to a target. */
export interface ClientHops {
  /** Number of streams behind the client's connection. @throws FairleadError service.loop when it goes in a circle. */
  behind(client: Socket): Promise<number>;
}

export interface ClientsOptions {
  readonly catalogue: Catalogue;
  readonly streams: Streams;
  /** Allows no hop encryption unless given. */
  readonly hop?: HopPolicy;
  /** The round trip to the edge, ms; null while it is not known. */
  readonly edgeRoundTrip?: () => number | null;
  /** How long the uplink has been up without a gap, ms; 0 while it is down. Infinite unless given. */
  readonly edgeUpForMs?: () => number;
  /** Counts the streams behind a client's connection; 0 unless given. */
  readonly dials?: ClientHops;
  /** Called when a client was reset because its connection goes in a circle. */
  readonly onLoop?: (service: string) => void;
  readonly relay: Relay;
  /** A clock that never goes back, ms; `performance.now` unless given. */
  readonly now?: () => number;
  readonly holdMs?: number;
}

export class Clients {
  readonly #options: ClientsOptions;
  readonly #now: () => number;
  /** Clients without a stream, and what ends their wait. */
  readonly #waiting = new Map<Socket, AbortController>();
  readonly #breakers: CircuitBreakers;
  readonly #stopping = new AbortController();

  constructor(options: ClientsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#breakers = new CircuitBreakers({ now: this.#now });
  }

  /** Serves one client. Never throws. */
  serve(service: string, client: Socket): void {
    const flow = this.#start(service, client);
    const leave = new AbortController();
    const left = () => leave.abort();
    this.#waiting.set(client, leave);
    client.on("error", left);
    client.on("close", left);
    this.#connect(client, flow, leave.signal)
      .then(
        (stream) => {
          if (!leave.signal.aborted) this.#options.relay.join(client, stream, flow);
          else {
            const error = new FairleadError("stream.cancelled");
            stream.destroy(error);
            flow.end(error);
          }
        },
        (thrown: unknown) => {
          client.resetAndDestroy();
          const error = asFairleadError(thrown, "stream.internal");
          if (error.code === "service.loop") this.#options.onLoop?.(service);
          flow.end(error);
        },
      )
      .finally(() => {
        client.off("error", left);
        client.off("close", left);
        this.#waiting.delete(client);
      });
  }

  /** Resets a client that its listener cannot take. */
  refuse(service: string, client: Socket, error: FairleadError): void {
    const flow = this.#start(service, client);
    client.on("error", () => {});
    client.resetAndDestroy();
    flow.end(error);
  }

  #start(service: string, { remoteAddress, remotePort }: Socket): Flow {
    const client =
      remoteAddress === undefined || remotePort === undefined
        ? null
        : formatAddress(remoteAddress, remotePort);
    return this.#options.relay.start({ side: "listener", service, client });
  }

  /** Resets the clients that wait for an instance. A client whose stream is opening may still be served. */
  drain(): void {
    this.#stopping.abort();
  }

  /** Resets the clients that wait for a stream. */
  close(): void {
    for (const [client, leave] of this.#waiting) {
      leave.abort();
      client.resetAndDestroy();
    }
  }

  async #connect(client: Socket, flow: Flow, signal: AbortSignal): Promise<RelayStream> {
    const { service } = flow;
    const hops = (await this.#options.dials?.behind(client)) ?? 0;
    if (signal.aborted) throw new FairleadError("stream.cancelled");
    const { catalogue, streams, holdMs } = this.#options;
    return await openStream({
      service,
      flow,
      signal,
      hop: this.#options.hop ?? new HopPolicy(),
      early: new EarlyData(client),
      stopping: this.#stopping.signal,
      lookup: () => catalogue.lookup(service),
      changed: (ms, aborted) => catalogue.changed(ms, aborted),
      load: (instance) => {
        const open = streams.streamsTo(instance);
        return {
          streams: open ?? 0,
          session: open !== null,
          failing: this.#breakers.isOpen(service, instance),
        };
      },
      open: (name, peer) => streams.open(name, peer, { hops }),
      attempt: (instance) => this.#breakers.attempt(service, instance),
      life: (instance) => this.#life(instance),
      edgeRoundTrip: this.#options.edgeRoundTrip ?? (() => null),
      now: this.#now,
      holdMs,
    });
  }

  /** Caps a peer's silence at the time that the uplink is up: while the edge is away, no peer can be heard. */
  #life(instance: VisibleOffer): PeerLife {
    const { silentMs, roundTripMs } = this.#options.streams.life(instance);
    const upForMs = this.#options.edgeUpForMs?.() ?? Number.POSITIVE_INFINITY;
    return { roundTripMs, silentMs: silentMs === null ? null : Math.min(silentMs, upForMs) };
  }
}
