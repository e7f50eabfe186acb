/** Tells sites what changed in what they see. */
import type { RegistryMessage } from "../../protocol/messages.ts";
import type { Context } from "./context.ts";
import { type OfferRow, viewOf, visibleServices } from "./reachability.ts";

/**
 * Sends the present state of the named services to every site that is there. Sites of one group that do not
 * offer a service themselves see it alike, so each group's message is made once.
 */
export function announceServices(context: Context, names: Iterable<string>, except?: WebSocket): void {
  const wanted = new Set(names);
  if (wanted.size === 0) return;
  const offers = context.store.offers().filter((offer) => wanted.has(offer.service));
  const reachability = context.reachability();
  const offering = new Set(offers.map((offer) => offer.instance.site));
  const perGroup = new Map<string, RegistryMessage>();

  for (const uplink of context.uplinks.greeted()) {
    if (uplink.socket === except) continue;
    const { site } = uplink.attachment;
    const group = offering.has(site) ? `site ${site}` : reachability.groupOf(site);
    let message = perGroup.get(group);
    if (!message) {
      const seen = offers.filter((offer) => reachability.canReach(site, offer.instance.site));
      message = serviceChanges(site, wanted, seen);
      perGroup.set(group, message);
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

/**
 * After the link graph changed: everything that each site sees, and the removal of all that it does not.
 * `gone` names services that may have vanished altogether.
 */
export function announceEverything(context: Context, gone: ReadonlySet<string> = new Set()): void {
  const offers = context.store.offers();
  const names = new Set([...gone, ...offers.map((offer) => offer.service)]);
  const reachability = context.reachability();
  for (const uplink of context.uplinks.greeted()) {
    const put = visibleServices(uplink.attachment.site, offers, reachability);
    const seen = new Set(put.map((service) => service.name));
    const lost = [...names].filter((name) => !seen.has(name));
    context.uplinks.send(uplink, { type: "services", put, gone: lost });
  }
}
