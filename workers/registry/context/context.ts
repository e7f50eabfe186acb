/** The shared dependencies of all registry operations: storage, uplinks, authorities, clock and event log. */
import type { EventType } from "../../../protocol/api/events.ts";
import { DEFAULT_QUOTAS, type Quotas } from "../../../protocol/api/quotas.ts";
import { type ErrorCode, FairleadError } from "../../../protocol/errors.ts";
import { ID_BYTES, type IdKind, makeId } from "../../../protocol/ids.ts";
import { Bucket } from "../../limits/bucket.ts";
import { Budgets, type Work } from "../policy/budget.ts";
import { LinkGraph } from "../policy/link-graph.ts";
import { AbsentPeers } from "../sockets/absent-peers.ts";
import { NoticeThrottle } from "../sockets/notice-throttle.ts";
import type { Uplinks } from "../sockets/uplinks.ts";
import type { Store } from "../store/store.ts";
import type { Authorities } from "./authorities.ts";
import type { Doors, RegistrySettings, Routers, TelemetryObjects } from "./settings.ts";

/** Interval in which {@link Context.eventOnce} does not repeat an event, ms. */
const QUIET_MS = 10_000;

export interface EventFacts {
  readonly site?: string | undefined;
  readonly code?: ErrorCode | string | undefined;
  /** The acting site or operator; "edge" by default. */
  readonly actor?: string;
  /** Id of the site that can cause such events at will. Its events count against its own share of the log. */
  readonly owner?: string | undefined;
}

/** The parts that a context is constructed from. */
export type ContextParts = Pick<
  Context,
  "settings" | "routers" | "doors" | "telemetry" | "store" | "uplinks" | "authorities"
>;

export class Context {
  readonly settings: RegistrySettings;
  readonly routers: Routers;
  readonly doors: Doors;
  readonly telemetry: TelemetryObjects;
  readonly store: Store;
  readonly uplinks: Uplinks;
  readonly authorities: Authorities;
  readonly linkNotices = new NoticeThrottle(() => this.now());
  readonly absentPeers = new AbsentPeers();
  readonly budgets = new Budgets();
  /** Rate at which status requests may trigger a search for silent uplinks. */
  readonly silenceChecks = new Bucket({ burst: 1, perSecond: 1 });

  constructor({ settings, routers, doors, telemetry, store, uplinks, authorities }: ContextParts) {
    this.settings = settings;
    this.routers = routers;
    this.doors = doors;
    this.telemetry = telemetry;
    this.store = store;
    this.uplinks = uplinks;
    this.authorities = authorities;
  }

  now(): number {
    return Date.now();
  }

  /** Spends one unit of a kind of work from a site's budget. @throws FairleadError `uplink.limited` */
  spend(site: string, work: Work): void {
    const now = this.now();
    const wait = this.budgets.of(site, now).spend(work, now);
    if (wait === 0) return;
    const seconds = Math.ceil(wait / 1000);
    throw new FairleadError(
      "uplink.limited",
      `The site is over its budget for this request. Retry in ${seconds} s.`,
      {
        retryAfterMs: wait,
      },
    );
  }

  newId(kind: IdKind): string {
    return makeId(kind, crypto.getRandomValues(new Uint8Array(ID_BYTES)));
  }

  event(type: EventType, text: string, facts: EventFacts = {}): void {
    this.events(type, [{ text, code: facts.code }], facts);
  }

  /**
   * Adds several events of one type. Excess events of an owner are folded into one row, so the cost is
   * bounded.
   */
  events(
    type: EventType,
    what: readonly { readonly text: string; readonly code?: string | undefined }[],
    facts: EventFacts,
  ): void {
    const { site, owner, actor = "edge" } = facts;
    this.store.events.add({ at: this.now(), type, site, owner, actor }, what);
  }

  /**
   * Adds an event unless the same event was added recently. Events that strangers cause must not displace
   * others.
   */
  eventOnce(type: EventType, text: string, facts: EventFacts = {}): void {
    if (!this.store.events.hasSince({ type, ...facts }, this.now() - QUIET_MS)) {
      this.event(type, text, facts);
    }
  }

  /** The quotas of the network, with defaults for unset ones. */
  quotas(): Quotas {
    return { ...DEFAULT_QUOTAS, ...this.store.network.quotas() };
  }

  linkGraph(): LinkGraph {
    return LinkGraph.of(this.store.links.edges());
  }
}
