/** What the registry's parts share: storage, uplinks, authorities, the clock and the event log. */
import type { EventType } from "../../../protocol/api/events.ts";
import { DEFAULT_QUOTAS, type Quotas } from "../../../protocol/api/quotas.ts";
import { type ErrorCode, FairleadError } from "../../../protocol/errors.ts";
import { ID_BYTES, type IdKind, makeId } from "../../../protocol/ids.ts";
import { Bucket, Budgets, type Work } from "../policy/budget.ts";
import { LinkGraph } from "../policy/link-graph.ts";
import { AbsentPeers } from "../sockets/absent-peers.ts";
import { NoticeThrottle } from "../sockets/notice-throttle.ts";
import type { Uplinks } from "../sockets/uplinks.ts";
import type { Store } from "../store/store.ts";
import type { Authorities } from "./authorities.ts";
import type { RegistrySettings, Routers } from "./settings.ts";

/** How long {@link Context.eventOnce} does not repeat itself, ms. */
const QUIET_MS = 10_000;

export interface EventFacts {
  readonly site?: string | undefined;
  readonly code?: ErrorCode | string | undefined;
  /** Who did it; "edge" unless given. */
  readonly actor?: string;
  /** Id of the site that can cause such events at will: they take its share of the log, and no other. */
  readonly owner?: string | undefined;
}

/** What a context is made of. */
export type ContextParts = Pick<Context, "settings" | "routers" | "store" | "uplinks" | "authorities">;

export class Context {
  readonly settings: RegistrySettings;
  readonly routers: Routers;
  readonly store: Store;
  readonly uplinks: Uplinks;
  readonly authorities: Authorities;
  readonly linkNotices = new NoticeThrottle(() => this.now());
  readonly absentPeers = new AbsentPeers();
  readonly budgets = new Budgets();
  /** How often those who ask for the status make the registry look for silent uplinks. */
  readonly silenceChecks = new Bucket({ burst: 1, perSecond: 1 });

  constructor({ settings, routers, store, uplinks, authorities }: ContextParts) {
    this.settings = settings;
    this.routers = routers;
    this.store = store;
    this.uplinks = uplinks;
    this.authorities = authorities;
  }

  now(): number {
    return Date.now();
  }

  /** Takes one of a kind of work from a site's budget. @throws FairleadError `uplink.limited` */
  spend(site: string, work: Work): void {
    const now = this.now();
    const wait = this.budgets.of(site, now).spend(work, now);
    if (wait === 0) return;
    const seconds = Math.ceil(wait / 1000);
    throw new FairleadError(
      "uplink.limited",
      `The site asks for this more often than it may: again in ${seconds} s.`,
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

  /** Several of one type at once, which costs little however many they are where a site owns them. */
  events(
    type: EventType,
    what: readonly { readonly text: string; readonly code?: string | undefined }[],
    facts: EventFacts,
  ): void {
    const { site, owner, actor = "edge" } = facts;
    this.store.events.add({ at: this.now(), type, site, owner, actor }, what);
  }

  /** The same, unless it was said a moment ago: what strangers can cause must not wash the log away. */
  eventOnce(type: EventType, text: string, facts: EventFacts = {}): void {
    if (!this.store.events.hasSince({ type, ...facts }, this.now() - QUIET_MS)) {
      this.event(type, text, facts);
    }
  }

  /** How much the network may have. */
  quotas(): Quotas {
    return { ...DEFAULT_QUOTAS, ...this.store.network.quotas() };
  }

  linkGraph(): LinkGraph {
    return LinkGraph.of(this.store.links.edges());
  }
}
