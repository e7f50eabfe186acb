/** Periodic work that no message triggers: silent uplinks, lost instances, abandoned sessions. */

import type { Context } from "../context/context.ts";
import { BAN_MEMORY_MS } from "../policy/budget.ts";
import type { StoredOffer } from "../policy/offers.ts";
import { decideAway, SESSION_MEMORY_MS } from "../policy/sessions.ts";
import { TOKEN_MEMORY_MS } from "../policy/tokens.ts";
import { nextSweep, OFFER_GRACE_MS } from "../policy/uplinks.ts";
import type { Uplink } from "../sockets/uplinks.ts";
import { closeUplink } from "./disconnect.ts";
import { announceLinkStatuses, linkStatusesOf, recordLinkEvents } from "./link-reports.ts";
import { changeOffers } from "./offers.ts";
import { Presence } from "./presence.ts";

/** When the next sweep is due, ms since 1970; null if none is needed. */
export function nextSweepAt(context: Context): number | null {
  const { sessions, offers } = context.store;
  return nextSweep({ sessions: sessions.hasAny ? 1 : 0, lostAt: offers.firstLost() }, context.now());
}

/**
 * Compares stored state with live sockets after the object started. Sites without a socket are down, and the
 * grace of their offers starts now. Runs after a restart of the edge, and when the end of an uplink woke the
 * object: that socket is no longer listed.
 */
export function reconcile(context: Context): void {
  const { store, uplinks } = context;
  const now = context.now();
  const sites = store.sites.all().filter((site) => site.state === "up");
  const gone = sites.filter((site) => uplinks.ofSite(site.id).length === 0);
  if (gone.length > 0) {
    const ids = gone.map(({ id }) => id);
    const before = linkStatusesOf(
      context,
      ids,
      new StoredPresence(context, new Set(sites.map(({ id }) => id))),
    );
    for (const site of gone) {
      store.sites.setState(site.id, "down", now);
      context.event("site.down", `Site ${site.name} is down.`, {
        site: site.name,
        code: "uplink.lost",
        owner: site.id,
      });
    }
    const after = linkStatusesOf(context, ids);
    recordLinkEvents(context, before, after, ({ joiner, issuer }) =>
      ids.includes(joiner) ? joiner : issuer,
    );
    announceLinkStatuses(context, before, after);
  }
  for (const instance of store.offers.instancesNotLost()) {
    if (uplinks.ofInstance(instance).length === 0) store.offers.markLost(instance, now);
  }
}

/**
 * The presence of sites as it was last stored. Proved links were not stored, so all links count as proved.
 */
class StoredPresence extends Presence {
  readonly #there: ReadonlySet<string>;

  constructor(context: Context, there: ReadonlySet<string>) {
    super(context);
    this.#there = there;
  }

  override up(site: string): boolean {
    return this.#there.has(site);
  }

  override proofError(): null {
    return null;
  }
}

/**
 * Closes uplinks that have gone silent. @param heard an uplink that is exempt, as it has just sent a message
 */
export function closeSilentUplinks(context: Context, heard?: Uplink): void {
  const { uplinks } = context;
  const now = context.now();
  for (const uplink of uplinks.all()) {
    if (uplink.socket === heard?.socket || uplinks.isAlive(uplink, now)) continue;
    closeUplink(context, uplink, "uplink.lost");
  }
}

/** Ends everything that has expired: silent uplinks, lost offers, abandoned sessions, old records. */
export function sweep(context: Context): void {
  const { store, uplinks } = context;
  const now = context.now();
  closeSilentUplinks(context);
  endGrace(context, now);
  store.cuts.prune(now - SESSION_MEMORY_MS);
  store.bans.prune(now - BAN_MEMORY_MS);
  store.departures.prune(now);
  store.tokens.prune(now - TOKEN_MEMORY_MS);
  // A session ends if both instances stay absent: neither can report its end. The retention time covers a
  // restart of the edge, after which this may run before an instance has returned.
  for (const { id, a, b, awaySince } of store.sessions.all()) {
    const present = [a, b].some((instance) => uplinks.ofInstance(instance).length > 0);
    const state = decideAway(awaySince, present, now);
    if (state.ended) store.sessions.delete(id);
    else if (state.awaySince !== awaySince) store.sessions.setAway(id, state.awaySince);
  }
}

/** Ends what is kept for instances that were lost {@link OFFER_GRACE_MS} ago, and announces this. */
function endGrace(context: Context, now: number): void {
  const { offers } = context.store;
  const time = now - OFFER_GRACE_MS;
  const first = offers.firstLost();
  if (first === null || first > time) return;
  const cause = {
    actor: "edge",
    code: "uplink.lost",
    reason: ({ instance }: StoredOffer) => `site ${instance.siteName} stayed away`,
  };
  changeOffers(context, cause, () => offers.endGrace(time, now));
}
