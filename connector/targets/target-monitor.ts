/**
 * Checks targets when their health asks for it: at the start and at each interval those with a configured check, others
 * only after a failure. Logs when a target goes down and when it is up again.
 */
import { FairleadError } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import { formatAddress } from "../net/local-socket.ts";
import { offeredProtocols } from "../net/target-protocol.ts";
import { checkTarget } from "./health/check-target.ts";
import type { Failure } from "./health/target-health.ts";
import { adviceFor } from "./target-advice.ts";
import type { TargetEndpoint } from "./target-endpoint.ts";
import type { TargetGroup } from "./target-group.ts";
import type { TargetPool } from "./target-pool.ts";

/** Most checks at once. */
const MAX_CHECKS = 16;

/** The least time between two looks for due checks, ms. */
const LEAST_WAIT_MS = 25;

export interface TargetMonitorOptions {
  readonly pool: Pick<TargetPool, "groups" | "probe" | "hasPreamble">;
  /** Called after a target or a port went up or down. */
  readonly onChange: () => void;
  readonly log: Log;
  /** The clock of the pool, ms; `performance.now` unless given. */
  readonly now?: () => number;
}

type Verdict = Failure | null | "unjudged";

export class TargetMonitor {
  readonly #options: TargetMonitorOptions;
  readonly #now: () => number;
  readonly #closing = new AbortController();
  readonly #checks = new Map<TargetEndpoint, Promise<Verdict>>();
  /** The last known state of addresses, so that changes are logged once. */
  #states = new WeakMap<TargetEndpoint, boolean>();
  #timer: NodeJS.Timeout | undefined;
  /** Set while checks ended whose targets are not planned yet. */
  #soon: NodeJS.Timeout | undefined;
  #isStarted = false;

  constructor(options: TargetMonitorOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Begins to check. Names of targets are looked up first. */
  start(): void {
    this.#isStarted = true;
    this.review();
  }

  /** Ends the checks in progress, and begins no other. */
  close(): void {
    this.#closing.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#soon);
  }

  /** Call this when the pool has changed: logs what went up or down, and plans the next checks. */
  review(): void {
    if (!this.#isStarted || this.#closing.signal.aborted) return;
    for (const group of this.#options.pool.groups()) {
      for (const endpoint of group.endpoints) this.#note(group, endpoint);
    }
    this.#options.onChange();
    this.#plan();
  }

  /**
   * Checks the targets of a service now. Returns the reason why none answers at a host that is configured, with what to
   * do; null if servers answer at all of them. Never throws.
   */
  async check(service: string): Promise<FairleadError | null> {
    const groups = [...this.#options.pool.groups()].filter(
      ({ name, protocol, check }) => name === service && !(protocol === "udp" && check.check.kind === "off"),
    );
    const results = await Promise.all(
      groups.map(async (group) => {
        await group.refresh();
        const checks = group.endpoints.map(async (endpoint) => ({
          endpoint,
          verdict: await this.#check(group, endpoint),
        }));
        return { all: await Promise.all(checks), isManaged: group.isManaged };
      }),
    );
    for (const { all, isManaged } of results) {
      for (const { endpoint, verdict } of all) {
        if (verdict === null || verdict === "unjudged") continue;
        const others = all.filter(
          ({ endpoint: { host, port } }) => host === endpoint.host && port === endpoint.port,
        );
        if (others.every((other) => other.verdict !== null))
          return adviceFor(verdict.error, { service, target: endpoint, isManaged });
      }
    }
    return null;
  }

  #note({ name: service, endpoints, isManaged }: TargetGroup, endpoint: TargetEndpoint): void {
    const { isUp, host, port, address, health } = endpoint;
    const was = this.#states.get(endpoint) ?? true;
    this.#states.set(endpoint, isUp);
    if (was === isUp) return;
    const { log } = this.#options;
    const target = formatAddress(host, port);
    const facts = { service, target, ...(address === null || address === host ? {} : { address }) };
    if (isUp) {
      log.info(facts, "The target is up again.");
      return;
    }
    // A server that listens at one family alone is nothing to report while the other family is up.
    const isOther = (each: TargetEndpoint) =>
      each.host === host && each.port === port && each.rank !== endpoint.rank;
    if (endpoint.hasOtherFamily && endpoints.some((each) => isOther(each) && each.isUp)) return;
    const failure = health?.failure?.error ?? new FairleadError("service.unreachable");
    const error = adviceFor(failure, { service, target: endpoint, isManaged });
    const { code, action, message } = error;
    const isThere = health?.failure?.noConnection === false || code === "service.tls_failed";
    const what = isThere ? "The target is down" : "No server answers at the target";
    log.warn({ ...facts, code, action }, `${what}: ${message}`);
  }

  #plan(): void {
    clearTimeout(this.#timer);
    let next = Number.POSITIVE_INFINITY;
    for (const group of this.#options.pool.groups()) {
      // The endpoints of names appear with the first look-up.
      if (group.endpoints.length === 0 && group.hasNames) next = Math.min(next, this.#now());
      for (const { health } of this.#idle(group)) {
        if (health !== null && health.nextCheckAt !== null) next = Math.min(next, health.nextCheckAt);
      }
    }
    if (next === Number.POSITIVE_INFINITY || this.#checks.size >= MAX_CHECKS) return;
    this.#timer = setTimeout(() => this.#checkDue(), Math.max(LEAST_WAIT_MS, next - this.#now()));
    this.#timer.unref();
  }

  /** Plans after checks ended. Of thousands of targets many end together, and all are looked through once. */
  #planSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#checkDue();
    }, LEAST_WAIT_MS).unref();
  }

  #idle(group: TargetGroup): TargetEndpoint[] {
    return group.endpoints.filter((endpoint) => !this.#checks.has(endpoint));
  }

  #checkDue(): void {
    const now = this.#now();
    for (const group of this.#options.pool.groups()) {
      if (group.endpoints.length === 0) void group.refresh();
      for (const endpoint of this.#idle(group)) {
        const dueAt = endpoint.health?.nextCheckAt ?? Number.POSITIVE_INFINITY;
        if (dueAt > now) continue;
        if (this.#checks.size >= MAX_CHECKS) return;
        void this.#check(group, endpoint);
      }
    }
    this.#plan();
  }

  /** Checks an address once; joins a check in progress. */
  #check(group: TargetGroup, endpoint: TargetEndpoint): Promise<Verdict> {
    const running = this.#checks.get(endpoint);
    if (running !== undefined) return running;
    const check = this.#run(group, endpoint).then((verdict) => {
      this.#checks.delete(endpoint);
      if (this.#closing.signal.aborted) return verdict;
      if (verdict === "unjudged") group.postpone(endpoint);
      else group.noteCheck(endpoint, verdict);
      if (this.#isStarted) this.#planSoon();
      return verdict;
    });
    this.#checks.set(endpoint, check);
    return check;
  }

  async #run(group: TargetGroup, endpoint: TargetEndpoint): Promise<Verdict> {
    const { check, timeoutMs } = group.check;
    if (group.hasNames) await group.refresh();
    // DNS no longer has the address.
    if (!group.endpoints.includes(endpoint)) return "unjudged";
    const { pool } = this.#options;
    const http2 = group.protocol === "http2";
    const protocols = checkedProtocols(group);
    return await checkTarget({
      ...{ timeoutMs, signal: this.#closing.signal, http2, hasPreamble: pool.hasPreamble(group) },
      // A target that always counts as up is checked on request alone.
      check: check.kind === "off" ? { kind: "tcp" } : check,
      target: formatAddress(endpoint.host, endpoint.port),
      connect: (signal) => pool.probe(group, endpoint, { protocols, signal }),
    });
  }
}

/** What a check offers a target with TLS: what traffic offers, or what the check speaks where traffic offers nothing. */
function checkedProtocols({ protocol, isGrpc, check: { check } }: TargetGroup): readonly string[] {
  if (protocol === "tcp" && check.kind !== "http" && check.kind !== "grpc") return [];
  return offeredProtocols({ isHttp2: protocol === "http2", isGrpc: isGrpc || check.kind === "grpc" });
}
