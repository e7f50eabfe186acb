/**
 * Connects streams and requests with the targets of services: name, target, turn, descriptor and dial, in this order. A
 * target that refuses is followed by another one.
 */
import type { Socket } from "node:net";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { unlessAborted } from "../async/abort.ts";
import { DEFAULT_RULES, type ServiceHealth } from "../config/health-options.ts";
import { type ExposedPort, proposedPort } from "../config/service-options.ts";
import { formatAddress } from "../net/local-socket.ts";
import { targetNames } from "../net/name-resolver.ts";
import { type DescriptorWatch, NO_DESCRIPTORS } from "../resources/descriptor-watch.ts";
import { DialLimiter } from "./dial-limiter.ts";
import { dialTarget, TARGET_TIMEOUT_MS, type TargetDialOptions } from "./dial-target.ts";
import { failureOf } from "./health/check-target.ts";
import type { TargetDials } from "./target-dials.ts";
import type { Target, TargetEndpoint } from "./target-endpoint.ts";
import { type GroupCheck, TargetGroup } from "./target-group.ts";
import type { TargetPreambles } from "./target-preamble.ts";

export interface TargetPoolOptions extends Omit<TargetDialOptions, "signal"> {
  /** Says whether there is a descriptor for a target. */
  readonly descriptors?: DescriptorWatch;
  /** What precedes the bytes of checks; nothing unless given. */
  readonly preambles?: Pick<TargetPreambles, "of">;
  /** Keeps the connections that may come back to a listener. */
  readonly dials?: TargetDials;
  /** Called when a port or a target went up or down, or a check is due at another time. */
  readonly onChange?: () => void;
  /** A clock that never goes back, ms; `performance.now` unless given. */
  readonly now?: () => number;
  /** 0 ≤ random() < 1. */
  readonly random?: () => number;
}

/** What a connection to a target is for. */
export interface TargetUse {
  /** Id of the peer's site. */
  readonly site: string;
  /** Streams that the client's connection has behind it. */
  readonly hops: number;
  /** Gives the connection up. */
  readonly signal: AbortSignal;
  /**
   * Prepares the connection, and returns the socket to use. What it throws counts as a failure of the connection; the
   * connection is destroyed by then.
   * @param limitMs its time limit, ms
   */
  readonly prepare?: ((socket: Socket, limitMs: number, target: Target) => Promise<Socket>) | undefined;
  /** Learns each target that is chosen, before it is connected to. */
  readonly flow?: { setTarget(target: string): void } | undefined;
}

/** A port of a service, with its targets. */
export interface PoolPort {
  /** The service. */
  readonly name: string;
  readonly port: ExposedPort;
  /** Whether a controller names the targets that are ready. They are then checked only after connections failed. */
  readonly isManaged?: boolean;
}

export interface TargetConnection {
  readonly socket: Socket;
  readonly target: Target;
}

/** A target that was chosen for a connection or a request. It counts as in use until {@link end}. */
export interface TargetLease {
  readonly target: Target;
  /** Connects to the target. @throws FairleadError service.*, stream.cancelled. */
  connect(use: TargetUse): Promise<Socket>;
  /** Reports that the target answered the request. */
  answered(): void;
  /** Reports that the target ended the request without an answer. */
  failed(error: FairleadError): void;
  /** Ends the use. Further calls do nothing. */
  end(): void;
}

/** Most targets that one client's connection is tried at. */
const MAX_ATTEMPTS = 4;

/** How long a target may take to answer while another one is left, ms. */
const NEXT_TARGET_MS = 2000;

/** The same for an address that was never reached and whose host has an address of another family, ms. */
const NEXT_FAMILY_MS = 300;

export class TargetPool {
  readonly #options: TargetPoolOptions;
  readonly #limiter = new DialLimiter();
  readonly #now: () => number;
  readonly #random: () => number;
  #groups = new Map<string, TargetGroup>();
  /** By service. */
  #health: ReadonlyMap<string, readonly ServiceHealth[]> = new Map();

  constructor(options: TargetPoolOptions = {}) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
  }

  /**
   * Replaces the ports whose targets are known, and their checks. A target that stays at a port with the same check keeps
   * its health.
   */
  configure(ports: readonly PoolPort[], health: readonly ServiceHealth[]): void {
    this.#health = Map.groupBy(health, ({ name }) => name);
    const before = this.#groups;
    this.#groups = new Map();
    for (const port of ports) {
      const known = before.get(keyOf(port));
      const isSame =
        known?.isManaged === (port.isManaged === true) && sameCheck(known.check, this.#checkOf(port));
      if (known === undefined || !isSame) this.group(port);
      else {
        known.setTargets(port.port.targets, proposedPort(port.port));
        this.#groups.set(keyOf(port), known);
      }
    }
    this.#options.onChange?.();
  }

  /** The ports whose targets are known. */
  groups(): Iterable<TargetGroup> {
    return this.#groups.values();
  }

  /** The targets of a port. */
  group(port: PoolPort): TargetGroup {
    const key = keyOf(port);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const { names = targetNames, onChange = () => {} } = this.#options;
    const group = new TargetGroup({
      name: port.name,
      targets: port.port.targets,
      protocol: port.port.protocol,
      isGrpc: port.port.grpc === true,
      preamblePort: proposedPort(port.port),
      isManaged: port.isManaged === true,
      check: this.#checkOf(port),
      names,
      onChange,
      now: this.#now,
      random: this.#random,
    });
    this.#groups.set(key, group);
    return group;
  }

  /**
   * Connects to a target of the port, and to another one if it cannot be reached.
   * @throws FairleadError the failure of the last target: service.*; stream.cancelled.
   */
  async connect(port: PoolPort, use: TargetUse): Promise<TargetConnection> {
    const tried = new Set<Target>();
    for (;;) {
      const lease = await this.lease(port, use.signal, tried);
      const { target } = lease;
      use.flow?.setTarget(target.hostAndPort);
      try {
        const socket = await lease.connect(use);
        if (socket.closed) lease.end();
        else socket.once("close", () => lease.end());
        return { socket, target };
      } catch (thrown) {
        lease.end();
        tried.add(target);
        const error = asFairleadError(thrown, "service.unreachable");
        if (failureOf(error) === null || !this.#hasNext(port, tried)) throw error;
      }
    }
  }

  /**
   * Chooses a target of the port, for a caller that keeps connections of its own.
   * @param tried targets that failed this client already
   * @throws FairleadError stream.cancelled; service.unreachable if no target is left.
   */
  async lease(
    port: PoolPort,
    signal: AbortSignal,
    tried: ReadonlySet<Target> = new Set(),
  ): Promise<TargetLease> {
    const group = this.group(port);
    // Ahead of the turn: a name that DNS does not answer for must not take the places of other services.
    if (group.hasNames)
      await unlessAborted(group.refresh(), signal, () => new FairleadError("stream.cancelled"));
    const endpoint = group.choose(triedOf(group, tried));
    if (endpoint === null)
      throw new FairleadError("service.unreachable", `No target of ${port.name} is left.`);
    return this.#leaseOf(port, group, endpoint, tried);
  }

  /**
   * Connects to one address as traffic does, for a check.
   * @param protocols what a target with TLS is offered
   * @throws FairleadError service.*, stream.cancelled.
   */
  async probe(
    { name, preamblePort }: TargetGroup,
    endpoint: TargetEndpoint,
    { protocols, signal }: { readonly protocols: readonly string[]; readonly signal: AbortSignal },
  ): Promise<Socket> {
    const socket = await this.#dial(endpoint, 0, signal, TARGET_TIMEOUT_MS);
    const preamble = this.#options.preambles?.of(name, preamblePort) ?? null;
    if (preamble === null) return socket;
    const { host } = endpoint;
    const use = { host, client: null, site: null, protocols, timeoutMs: TARGET_TIMEOUT_MS, signal };
    return await preamble.prepare(socket, use);
  }

  /** Whether something precedes the bytes of a check. */
  hasPreamble({ name, preamblePort }: TargetGroup): boolean {
    return (this.#options.preambles?.of(name, preamblePort) ?? null) !== null;
  }

  #leaseOf(
    port: PoolPort,
    group: TargetGroup,
    endpoint: TargetEndpoint,
    tried: ReadonlySet<Target>,
  ): TargetLease {
    endpoint.open++;
    let hasEnded = false;
    return {
      target: endpoint,
      connect: async ({ site, hops, signal, prepare }) => {
        const limitMs = this.#limitOf(group, endpoint, tried);
        let dialledAt: number | null = null;
        try {
          const dial = async () => {
            dialledAt = this.#now();
            const dialled = await this.#dial(endpoint, hops, signal, limitMs);
            if (prepare === undefined) return dialled;
            // The limit for a second family does not matter any longer: the target is there.
            return await prepare(dialled, Math.max(limitMs, NEXT_TARGET_MS), endpoint);
          };
          const socket = await this.#limiter.run(site, port.name, signal, dial);
          group.connected(endpoint);
          return socket;
        } catch (thrown) {
          const failure = failureOf(asFairleadError(thrown, "service.unreachable"));
          if (failure !== null) group.connectionFailed(endpoint, failure);
          else if (dialledAt !== null && signal.aborted)
            group.connectionAbandoned(endpoint, this.#now() - dialledAt);
          throw thrown;
        }
      },
      answered: () => group.requestSucceeded(endpoint),
      failed: (error) => group.requestFailed(endpoint, { error, noConnection: false }),
      end: () => {
        if (!hasEnded) endpoint.open--;
        hasEnded = true;
      },
    };
  }

  #hasNext(port: PoolPort, tried: ReadonlySet<Target>): boolean {
    const group = this.group(port);
    return tried.size < MAX_ATTEMPTS && group.choose(triedOf(group, tried)) !== null;
  }

  /** How long a target may take to accept, ms: less while there is another one. */
  #limitOf(group: TargetGroup, endpoint: TargetEndpoint, tried: ReadonlySet<Target>): number {
    const { timeoutMs = TARGET_TIMEOUT_MS } = this.#options;
    if (tried.size + 1 >= MAX_ATTEMPTS) return timeoutMs;
    const next = group.choose(triedOf(group, new Set([...tried, endpoint])));
    if (next === null) return timeoutMs;
    const isNew = !endpoint.isProven && endpoint.hasOtherFamily;
    return Math.min(timeoutMs, isNew ? NEXT_FAMILY_MS : NEXT_TARGET_MS);
  }

  /**
   * The check of a port: the entry for the port, or for its service. Without one, servers of gRPC are asked for their
   * health if they offer it, and otherwise the connections of clients are the check.
   */
  #checkOf({ name, port: { servicePort, protocol, grpc }, isManaged }: PoolPort): GroupCheck {
    const own = this.#health.get(name) ?? [];
    const entry =
      own.find(({ port }) => port !== undefined && port === servicePort) ??
      own.find(({ port }) => port === undefined);
    if (entry === undefined) {
      if (protocol === "udp") return NO_CHECK;
      if (isManaged === true) return VOUCHED_CHECK;
      return grpc === true ? GRPC_CHECK : TCP_CHECK;
    }
    const { check, intervalMs, timeoutMs, fall, rise } = entry;
    return { check, intervalMs, timeoutMs, fall, rise, periodic: check.kind !== "off" };
  }

  async #dial(
    { host, port, address }: TargetEndpoint,
    hops: number,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<Socket> {
    const { descriptors, dials, keepAliveMs, names } = this.#options;
    const place = formatAddress(host, port);
    const label = address === null || address === host ? place : `${place} at ${address}`;
    const options = { keepAliveMs, names, timeoutMs, signal };
    const target = { host: address ?? host, port, label };
    const dial = () =>
      dials?.run(port, hops, () => dialTarget(target, options)) ?? dialTarget(target, options);
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
}

/** The checks of ports without an entry. */
const GRPC_CHECK: GroupCheck = { ...DEFAULT_RULES, check: { kind: "grpc", optional: true }, periodic: true };
const TCP_CHECK: GroupCheck = { ...DEFAULT_RULES, check: { kind: "tcp" }, periodic: false };
/** Of thousands of pods, of which each connector of the site would otherwise check each. */
const VOUCHED_CHECK: GroupCheck = { ...TCP_CHECK, isVouchedFor: true };
/** UDP does not tell whether a server is there. */
const NO_CHECK: GroupCheck = { ...DEFAULT_RULES, check: { kind: "off" }, periodic: false };

const sameCheck = (left: GroupCheck, right: GroupCheck): boolean =>
  left === right || JSON.stringify(left) === JSON.stringify(right);

/** A port of a service by what stays when its targets change. */
function keyOf({ name, port: { servicePort, protocol, grpc } }: PoolPort): string {
  return `${name} ${servicePort ?? ""} ${protocol} ${grpc ?? ""}`;
}

/** The addresses among the targets that were tried. */
function triedOf(group: TargetGroup, tried: ReadonlySet<Target>): ReadonlySet<TargetEndpoint> {
  return tried.size === 0 ? NONE : new Set(group.endpoints.filter((endpoint) => tried.has(endpoint)));
}

const NONE: ReadonlySet<TargetEndpoint> = new Set();
