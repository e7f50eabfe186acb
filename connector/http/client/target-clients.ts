/** Sends each request to a target of its service: chooses the target, and a connection to it. */
import type { Socket } from "node:net";
import { asFairleadError, type FairleadError } from "../../../protocol/errors.ts";
import type { RequestHead } from "../../../protocol/exchange/head.ts";
import type { ServiceProtocol } from "../../../protocol/names.ts";
import type { Instance } from "../../../protocol/uplink/messages.ts";
import { chosenVersion, offeredProtocols } from "../../net/target-protocol.ts";
import type { TargetPreamble } from "../../targets/target-preamble.ts";
import { CLIENT_LIMITS, type ClientLimits } from "./client-limits.ts";
import { clientAddress } from "./forwarded-fields.ts";
import { TargetClient, type TargetSocket } from "./target-client.ts";
import type { TargetConnection } from "./target-exchange.ts";

/** What a connection to a target is for. */
export interface ConnectionUse {
  /** Id of the peer's site. */
  readonly site: string;
  /** Streams that the client's connection has behind it. */
  readonly hops: number;
  readonly signal: AbortSignal;
  /** Prepares the connection. What it throws counts as a failure of the connection. @param limitMs its time limit, ms */
  readonly prepare?: ((socket: Socket, limitMs: number) => Promise<Socket>) | undefined;
}

/** A target that was chosen for a request. It counts as in use until {@link end}. */
export interface TargetLease<Target> {
  readonly target: Target;
  /** Connects to the target. @throws FairleadError service.*, stream.cancelled */
  connect(use: ConnectionUse): Promise<Socket>;
  /** Reports that the target answered the request. */
  answered(): void;
  /** Reports that the target ended the request without an answer. */
  failed(error: FairleadError): void;
  /** Ends the use. Further calls do nothing. */
  end(): void;
}

/** A port of a service. */
export interface RequestPort {
  readonly name: string;
  readonly port: { readonly protocol: ServiceProtocol };
}

/** The targets of services. */
export interface RequestTargets<Port extends RequestPort, Target extends object> {
  /**
   * Chooses a target. @param tried targets that could not be reached for this request
   * @throws FairleadError service.unreachable when none is left, stream.cancelled
   */
  lease(port: Port, signal: AbortSignal, tried: ReadonlySet<Target>): Promise<TargetLease<Target>>;
}

/** A request, and what is known about its origin. */
export interface RequestUse<Port extends RequestPort> {
  readonly port: Port;
  /** The port of the service that the peer named; null for the first one. */
  readonly servicePort: number | null;
  readonly request: RequestHead;
  readonly isGrpc: boolean;
  readonly peer: Instance;
  readonly hops: number;
  /** Gives the request up. */
  readonly signal: AbortSignal;
  /** Learns each target that is chosen, before it is connected to. */
  readonly flow?: { setTarget(address: string): void } | undefined;
}

/** A connection to a target that was found for a request. */
export interface FoundTarget {
  readonly connection: TargetConnection;
  answered(): void;
  failed(error: FairleadError): void;
  end(): void;
}

export interface TargetClientsOptions<Port extends RequestPort, Target extends object> {
  readonly targets: RequestTargets<Port, Target>;
  /** Host and port, and the address if it is known: what tells a target from the others. */
  readonly keyOf: (target: Target) => string;
  readonly addressOf: (target: Target) => string;
  readonly hostOf: (target: Target) => string;
  /** What precedes requests on a connection; null for nothing. */
  readonly preambleOf?: (use: RequestUse<Port>) => TargetPreamble | null;
  readonly limits?: ClientLimits;
}

/** Most targets that one request is tried at. */
const MAX_ATTEMPTS = 4;

const ABOUT_TARGET: ReadonlySet<string> = new Set([
  ...["service.refused", "service.timeout", "service.unreachable", "service.tls_failed"],
]);

/** Methods whose repetition does no harm (RFC 9110 §9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

export class TargetClients<Port extends RequestPort, Target extends object> {
  readonly #options: TargetClientsOptions<Port, Target>;
  readonly #limits: ClientLimits;
  readonly #clients = new Map<string, TargetClient>();

  constructor(options: TargetClientsOptions<Port, Target>) {
    this.#options = options;
    this.#limits = options.limits ?? CLIENT_LIMITS;
  }

  /** Connections to targets, with those that carry no request. */
  get connections(): number {
    let count = 0;
    for (const client of this.#clients.values()) count += client.connections;
    return count;
  }

  /**
   * Finds a connection for a request. No byte of the request has reached a target when it fails.
   * @throws FairleadError service.*, exchange.bad_response when a target does not speak HTTP/2, stream.cancelled
   */
  async find(use: RequestUse<Port>): Promise<FoundTarget> {
    const { targets, addressOf } = this.#options;
    const { port, signal } = use;
    const tried = new Set<Target>();
    let last: FairleadError | null = null;
    for (;;) {
      const lease = await targets.lease(port, signal, tried).catch((error: unknown) => {
        throw last ?? error;
      });
      const { target } = lease;
      use.flow?.setTarget(addressOf(target));
      try {
        const connection = await this.#connection(lease, use);
        return {
          connection,
          answered: () => lease.answered(),
          failed: (error) => lease.failed(error),
          end: () => lease.end(),
        };
      } catch (thrown) {
        lease.end();
        last = asFairleadError(thrown, "service.unreachable");
        tried.add(target);
        if (!isAboutTarget(last) || tried.size >= MAX_ATTEMPTS || signal.aborted) throw last;
      }
    }
  }

  /** Closes the connections without a request. */
  closeIdle(): void {
    for (const client of this.#clients.values()) client.closeIdle();
  }

  /** Keeps no connection from here on. */
  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  async #connection(lease: TargetLease<Target>, use: RequestUse<Port>): Promise<TargetConnection> {
    const { port, request, isGrpc, peer, hops, signal } = use;
    const { keyOf, hostOf, preambleOf } = this.#options;
    const preamble = preambleOf?.(use) ?? null;
    const client = preamble?.namesClient === true ? clientAddress(request) : null;
    // Of a service with /http, gRPC is HTTP/2 all the same: there is no other form of it.
    const isHttp2 = port.port.protocol === "http2" || isGrpc;
    const named = preamble?.namesClient === true ? `${peer.site} ${client}` : "";
    // The key is JSON, and what comes before it has no blanks of its own: two uses never have the same place.
    const place = `${port.name} ${isHttp2} ${hops} ${keyOf(lease.target)} ${preamble?.key ?? "[]"} ${named}`;
    const kept = this.#client(place);
    const free = kept.take(IDEMPOTENT.has(request.method) && request.protocol === undefined);
    if (free !== null) return free;
    const dial = async (until: AbortSignal): Promise<TargetSocket> => {
      const prepare = (socket: Socket, limitMs: number) =>
        preamble?.prepare(socket, {
          host: hostOf(lease.target),
          client: client === null ? null : { address: client, port: 0 },
          site: { id: peer.site, name: peer.siteName },
          protocols: offeredProtocols({ isHttp2, isGrpc }),
          timeoutMs: Math.min(limitMs, this.#limits.connectMs),
          signal: until,
        }) ?? Promise.resolve(socket);
      const socket = await lease.connect({ site: peer.site, hops, signal: until, prepare });
      return { socket, version: chosenVersion(socket, isHttp2) };
    };
    try {
      return await kept.connect(dial, isHttp2, signal);
    } finally {
      if (kept.connections === 0) this.#clients.delete(place);
    }
  }

  #client(place: string): TargetClient {
    const known = this.#clients.get(place);
    if (known !== undefined) return known;
    const client = new TargetClient(this.#limits, () => {
      if (this.#clients.get(place) === client) this.#clients.delete(place);
    });
    this.#clients.set(place, client);
    return client;
  }
}

/** Whether another target may do better. */
function isAboutTarget({ code }: FairleadError): boolean {
  return ABOUT_TARGET.has(code);
}
