/** Tells sites what changed in what they see, and nothing of what they do not see. */
import type { RegistryMessage, VisibleService } from "../../protocol/messages.ts";
import type { Context } from "./context.ts";
import { type OfferRow, viewOf, visibleServices } from "./reachability.ts";

/**
 * After offers of one site changed: sends the present state of the named services to every site that can reach
 * it. Those that do not offer any of them see them alike, so their message is made once.
 */
export function announceServices(context: Context, from: string, names: Iterable<string>): void {
  const wanted = new Set(names);
  if (wanted.size === 0) return;
  const reachability = context.reachability();
  const offers = context.store.offers
    .all()
    .filter((offer) => wanted.has(offer.service) && reachability.canReach(from, offer.instance.site));
  const offering = new Set(offers.map((offer) => offer.instance.site));
  const made = new Map<string, RegistryMessage>();

  for (const uplink of context.uplinks.greeted()) {
    const { site } = uplink.attachment;
    if (site === from || !reachability.canReach(site, from)) continue;
    const like = offering.has(site) ? site : "";
    let message = made.get(like);
    if (!message) {
      message = serviceChanges(site, wanted, offers);
      made.set(like, message);
    }
    context.uplinks.send(uplink, message);
  }
}

function serviceChanges(
  site: string,
  names: ReadonlySet<string>,
  offers: readonly OfferRow[],
): RegistryMessage {
  const put = [];
  const gone = [];
  for (const name of names) {
    const view = viewOf(
      offers.filter((offer) => offer.service === name),
      site,
    );
    if (view) put.push(view);
    else gone.push(name);
  }
  return { type: "services", put, gone };
}

/** What each site that is there sees, by site. */
export type Sight = ReadonlyMap<string, readonly VisibleService[]>;

/** Taken before a change of the link graph, for {@link announceDifferences} after it. */
export function sightOf(context: Context): Sight {
  const offers = context.store.offers.all();
  const reachability = context.reachability();
  const sites = new Set(context.uplinks.greeted().map((uplink) => uplink.attachment.site));
  return new Map([...sites].map((site) => [site, visibleServices(site, offers, reachability)]));
}

/** After a change of the link graph: to each site what it sees otherwise than before. */
export function announceDifferences(context: Context, before: Sight): void {
  const after = sightOf(context);
  for (const uplink of context.uplinks.greeted()) {
    const { site } = uplink.attachment;
    const had = new Map((before.get(site) ?? []).map((service) => [service.name, service]));
    const has = after.get(site) ?? [];
    const put = has.filter((service) => !sameView(had.get(service.name), service));
    const kept = new Set(has.map((service) => service.name));
    const gone = [...had.keys()].filter((name) => !kept.has(name));
    if (put.length + gone.length > 0) context.uplinks.send(uplink, { type: "services", put, gone });
  }
}

function sameView(left: VisibleService | undefined, right: VisibleService): boolean {
  return (
    left !== undefined &&
    left.protocol === right.protocol &&
    left.port === right.port &&
    left.offers.length === right.offers.length &&
    left.offers.every((offer, index) => {
      const other = right.offers[index];
      return offer.boot === other?.boot && offer.encryption === other.encryption;
    })
  );
}
