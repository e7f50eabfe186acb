/** Taking a site out of the network, live: its uplinks, links, offers and sessions end now; nothing else does. */
import type { Site } from "../../protocol/api.ts";
import { announceEverything } from "./announcements.ts";
import type { Context } from "./context.ts";
import { cutSessions } from "./sessions.ts";
import { describeSiteNamed, findSite } from "./views.ts";

/** @throws FairleadError `site.unknown` */
export async function revokeSite(context: Context, nameOrId: string, actor: string): Promise<Site> {
  const { store, uplinks } = context;
  const site = findSite(context, nameOrId);
  if (site.state !== "revoked") {
    const now = context.now();
    const sessions = store.sessionsOfSite(site.id);
    const services = store.offers().filter((offer) => offer.instance.site === site.id);
    store.transaction(() => {
      store.setSiteState(site.id, "revoked", now);
      store.revokeCertificates(site.id, now);
      for (const boot of store.offeringBoots(site.id)) store.replaceOffers(site.id, boot, [], now);
      context.event("site.revoked", `Site ${site.name} was revoked.`, { site: site.name, actor });
      for (const name of new Set(services.map((offer) => offer.service))) {
        if (store.offers().some((offer) => offer.service === name)) continue;
        context.event("service.gone", `Service ${name} is offered no more: site ${site.name} was revoked.`, {
          site: site.name,
          actor,
        });
      }
    });
    for (const uplink of uplinks.ofSite(site.id)) uplinks.refuse(uplink, "site.revoked");
    announceEverything(context, new Set(services.map((offer) => offer.service)));
    await cutSessions(context, sessions, "session.revoked");
  }
  return describeSiteNamed(context, site.id);
}

/** Revokes a site and forgets it; its name is free again. */
export async function deleteSite(context: Context, nameOrId: string, actor: string): Promise<Site> {
  const site = await revokeSite(context, nameOrId, actor);
  context.store.transaction(() => {
    context.store.deleteSite(site.id);
    context.event("site.deleted", `Site ${site.name} was deleted.`, { site: site.name, actor });
  });
  return site;
}
