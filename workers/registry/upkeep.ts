/** What no message tells: uplinks that went silent, instances that stayed away, sessions that nobody ends. */
import { announceServices } from "./announcements.ts";
import type { Context } from "./context.ts";
import { decideAway, nextSweep, OFFER_GRACE_MS, SESSION_MEMORY_MS } from "./decisions.ts";
import { hangUp, takeDown } from "./parting.ts";

/** When to sweep next, ms; null while there is no need. */
export function dueAt(context: Context): number | null {
  const { sessions, offers } = context.store;
  return nextSweep({ sessions: sessions.count(), lostAt: offers.firstLost() }, context.now());
}

/**
 * After the object was started anew: whoever was up and has no socket now is down, and what it offered has its
 * grace from here. So it is after a restart of the edge, and where the end of an uplink is what woke the object:
 * such a socket is no longer listed when this runs.
 */
export function reconcile(context: Context): void {
  const { store, uplinks } = context;
  for (const site of store.sites.all()) {
    if (site.state === "up" && uplinks.ofSite(site.id).length === 0) takeDown(context, site, "uplink.lost");
  }
  for (const boot of store.offers.bootsNotLost()) {
    if (uplinks.ofBoot(boot).length === 0) store.offers.markLost(boot, context.now());
  }
}

/** Ends what is over: silent uplinks, offers whose grace is over, sessions without anybody. */
export function sweep(context: Context): void {
  const { store, uplinks } = context;
  const now = context.now();
  for (const uplink of uplinks.all()) {
    if (!uplinks.alive(uplink, now)) hangUp(context, uplink, "uplink.lost");
  }
  dropLost(context, now - OFFER_GRACE_MS);
  store.cuts.prune(now - SESSION_MEMORY_MS);
  // A session whose two instances both stay away is over at last, though nobody could say so. Not at once: after
  // an edge restart this may run before anybody is back.
  for (const { id, bootA, bootB, awaySince } of store.sessions.all()) {
    const present = [bootA, bootB].some((boot) => uplinks.ofBoot(boot).length > 0);
    const state = decideAway(awaySince, present, now);
    if (state.over) store.sessions.delete(id);
    else if (state.awaySince !== awaySince) store.sessions.setAway(id, state.awaySince);
  }
}

/** Drops the offers that were lost at or before `time`, and tells who saw them. */
function dropLost(context: Context, time: number): void {
  const { store } = context;
  const dropped = store.offers.dropLost(time);
  const remaining = new Set(store.offers.all().map((offer) => offer.service));
  const bySite = Map.groupBy(dropped, (offer) => offer.site);
  for (const [id, offers] of bySite) {
    const site = store.sites.get(id)?.name;
    const names = new Set(offers.map((offer) => offer.service));
    for (const name of names) {
      if (remaining.has(name)) continue;
      const text = `Service ${name} is offered no more: site ${site ?? "?"} stayed away.`;
      context.event("service.gone", text, { site, code: "uplink.lost" });
    }
    announceServices(context, id, names);
  }
}
