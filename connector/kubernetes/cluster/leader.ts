/**
 * Takes part in the election of the connector that writes, by a Lease of the site. Losing it ends writes and nothing
 * else, and the elector goes on trying.
 */
import { sleep } from "../../async/sleep.ts";
import type { Log } from "../../log.ts";
import type { ApiClient } from "../api/api-client.ts";
import { ApiError } from "../api/failure.ts";
import { apiVersionOf, collectionPath, KINDS, objectPath } from "../api/kinds.ts";
import type { Leadership } from "./cluster.ts";
import { isMissingRight } from "./cluster-writer.ts";
import {
  decide,
  ELECTION_TIMES,
  type ElectionTimes,
  heldSpec,
  Lease,
  releasedSpec,
  type Sight,
  see,
} from "./leader-election.ts";
import { microTime } from "./micro-time.ts";
import { ownLabels } from "./names.ts";
import { type RefusedRights, rightOf } from "./refused-rights.ts";

/** Part of the renew deadline that a request may take: two fit. */
const REQUEST_PART = 0.4;
/** Time limit of the release, ms. */
const RELEASE_TIME = 2000;
/** Electors that wait come at random within this part of the period, so that they do not come at once. */
const SPREAD = 0.2;

export interface LeaderOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  /** The Lease's name. */
  readonly name: string;
  /** Who holds the Lease: another text for each process. */
  readonly identity: string;
  /** Whether the holder of that identity is known to be gone; of none unless given. */
  readonly isLost?: (identity: string) => boolean;
  readonly siteId: string;
  readonly rights: RefusedRights;
  /** Those of Kubernetes unless given; tests have shorter ones. */
  readonly times?: ElectionTimes | undefined;
  /** A clock that never goes back, ms. */
  readonly now: () => number;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
  readonly log: Log;
}

export class Leader implements Leadership {
  readonly #options: LeaderOptions;
  readonly #times: ElectionTimes;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<() => void>();
  #running: Promise<void> | undefined;
  /** What was seen last; null when the Lease has to be read. */
  #sight: Sight | null = null;
  /** Whether the sight is what the server has, as far as is known. */
  #isFresh = false;
  /** Ends the wait for the next attempt. */
  #wake = new AbortController();
  #term: AbortController | null = null;
  /** When the term ends unless the Lease is renewed. */
  #deadline = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #isForeign = false;
  /** Whether the Lease may be held: a write that was aborted may have been stored. */
  #mayHold = false;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#times = options.times ?? ELECTION_TIMES;
  }

  get isLeader(): boolean {
    // A process that was stopped for a while comes back before its timers do.
    return this.#term !== null && this.#options.now() < this.#deadline;
  }

  /** Aborts when the term ends; null while this process does not lead. */
  get term(): AbortSignal | null {
    return this.isLeader ? (this.#term?.signal ?? null) : null;
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Call this when a holder may be lost: the Lease is taken at once then. */
  review(): void {
    const { isLost } = this.#options;
    const holder = this.#sight?.lease?.spec?.holderIdentity ?? "";
    if (!this.isLeader && isLost?.(holder) === true) this.#wake.abort();
  }

  /** Ends the term, and gives the Lease up so that another connector can take it at once. */
  async release(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    const mayHold = this.#mayHold;
    this.#mayHold = false;
    this.#end("The connector stops, and another one of the site can write to the cluster.");
    if (!mayHold) return;
    try {
      await this.#giveUp();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.log.debug({}, `The Lease was not released, and ends by itself: ${why}`);
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      // A conflict means that the Lease is another than what was seen: it is read at once.
      if ((await this.#attempt()) === "stale") await this.#attempt();
      const spread = this.isLeader ? 0 : this.#options.random() * SPREAD;
      const wake = AbortSignal.any([signal, this.#wake.signal]);
      await sleep(this.#times.retryPeriod * (1 + spread), wake, { ref: false });
      this.#wake = new AbortController();
    }
  }

  async #attempt(): Promise<"done" | "stale"> {
    try {
      await this.#compete();
      return "done";
    } catch (error) {
      if (this.#stop.signal.aborted) return "done";
      this.#isFresh = false;
      const status = error instanceof ApiError ? error.failure.status : null;
      if (status === 404 || status === 409) return "stale";
      const why = error instanceof Error ? error.message : String(error);
      this.#options.log.debug({ status }, `The Lease was not reached: ${why}`);
      return "done";
    }
  }

  async #compete(): Promise<void> {
    const { identity, now, isLost } = this.#options;
    const sight = this.#isFresh && this.#sight !== null && this.isLeader ? this.#sight : await this.#read();
    const decision = decide(sight, identity, now(), isLost);
    if (decision !== "renew" && this.#term !== null)
      this.#end("Another connector of the site took the Lease.");
    this.#noteForeign(decision === "foreign");
    this.#mayHold = decision !== "wait" && decision !== "foreign";
    if (!this.#mayHold) return;
    const begun = now();
    this.#sight = see(this.#sight, await this.#write(sight.lease), now());
    this.#isFresh = true;
    this.#renewed(begun);
  }

  async #read(): Promise<Sight> {
    const { client, namespace, name, now } = this.#options;
    const found = await this.#allowed("get", () =>
      client.get(objectPath(KINDS.leases, namespace, name), this.#limit()).catch(nullIfAbsent),
    );
    const lease = found === null ? null : Lease.parse(found);
    this.#sight = see(this.#sight, lease, now());
    this.#isFresh = true;
    return this.#sight;
  }

  async #write(lease: Lease | null): Promise<Lease> {
    const { identity, siteId } = this.#options;
    const spec = heldSpec(lease, identity, microTime(Date.now()), this.#times.leaseSeconds);
    if (lease !== null) {
      const { metadata } = lease;
      const labels = { ...metadata.labels, ...ownLabels(siteId) };
      return await this.#replace({ ...lease, metadata: { ...metadata, labels }, spec }, this.#limit());
    }
    const { client, namespace, name } = this.#options;
    const body = {
      apiVersion: apiVersionOf(KINDS.leases),
      kind: KINDS.leases.kind,
      metadata: { name, labels: ownLabels(siteId) },
      spec,
    };
    const path = collectionPath(KINDS.leases, namespace);
    const signal = this.#limit();
    return Lease.parse(await this.#allowed("create", () => client.write("POST", path, { body, signal })));
  }

  async #replace(lease: Record<string, unknown>, signal: AbortSignal): Promise<Lease> {
    const { client, namespace, name } = this.#options;
    const path = objectPath(KINDS.leases, namespace, name);
    return Lease.parse(
      await this.#allowed("update", () => client.write("PUT", path, { body: lease, signal })),
    );
  }

  async #giveUp(): Promise<void> {
    const { client, namespace, name, identity } = this.#options;
    const signal = AbortSignal.timeout(RELEASE_TIME);
    // Read anew: a renewal may have been on its way when the loop was stopped.
    const lease = Lease.parse(await client.get(objectPath(KINDS.leases, namespace, name), signal));
    if (lease.spec?.holderIdentity !== identity) return;
    await this.#replace({ ...lease, spec: releasedSpec(lease, microTime(Date.now())) }, signal);
  }

  async #allowed<T>(verb: string, request: () => Promise<T>): Promise<T> {
    const right = rightOf(verb, KINDS.leases, this.#options.namespace);
    try {
      const answer = await request();
      this.#options.rights.granted(right);
      return answer;
    } catch (error) {
      if (isMissingRight(error)) this.#options.rights.refused(right);
      throw error;
    }
  }

  #limit(): AbortSignal {
    const limit = AbortSignal.timeout(this.#times.renewDeadline * REQUEST_PART);
    return AbortSignal.any([this.#stop.signal, limit]);
  }

  /** @param begun when the renewal began: the server may have stored it right then */
  #renewed(begun: number): void {
    const { now, log } = this.#options;
    if (!this.isLeader) this.#end("The Lease was not renewed in time.");
    this.#deadline = begun + this.#times.renewDeadline;
    const left = this.#deadline - now();
    if (left <= 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end("The Lease was not renewed in time."), left).unref();
    if (this.#term !== null) return;
    this.#term = new AbortController();
    log.info({}, "This connector writes to the cluster for its site.");
    this.#notify();
  }

  #end(why: string): void {
    clearTimeout(this.#timer);
    if (this.#term === null) return;
    this.#term.abort();
    this.#term = null;
    this.#options.log.info({}, `This connector does not write to the cluster any longer. ${why}`);
    this.#notify();
  }

  #noteForeign(isForeign: boolean): void {
    if (isForeign && !this.#isForeign) {
      const { name, namespace, log } = this.#options;
      log.warn(
        { lease: name, namespace },
        "The Lease is not one of Fairlead's, so nothing is written to the cluster. Delete it, or choose other names with --kubernetes-name.",
      );
    }
    this.#isForeign = isForeign;
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

function nullIfAbsent(error: unknown): null {
  if (error instanceof ApiError && error.failure.status === 404) return null;
  throw error;
}
