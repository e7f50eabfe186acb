/** Taking a site out of the network, live: its uplinks, links, offers and sessions end now; nothing else does. */
import type { Site } from "../../protocol/api.ts";
import { announceDifferences, sightOf } from "./announcements.ts";
import type { Context } from "./context.ts";
import { cutSite } from "./cutting.ts";
import { describeSiteNamed, findSite } from "./views.ts";

/** @throws FairleadError `site.unknown` */
export async function revokeSite(context: Context, nameOrId: string, actor: string): Promise<Site> {
  const { store, uplinks } = context;
  const site = findSite(context, nameOrId);
  if (site.state !== "revoked") {
    const now = context.now();
    const before = sightOf(context);
    const services = store.offers.all().filter((offer) => offer.instance.site === site.id);
    store.transaction(() => {
      store.sites.setState(site.id, "revoked", now);
      store.certificates.revokeOf(site.id, now);
      for (const boot of store.instances(site.id)) store.offers.replace(site.id, boot, [], now);
      context.event("site.revoked", `Site ${site.name} was revoked.`, { site: site.name, actor });
      const remaining = new Set(store.offers.all().map((offer) => offer.service));
      for (const name of new Set(services.map((offer) => offer.service))) {
        if (remaining.has(name)) continue;
        context.event("service.gone", `Service ${name} is offered no more: site ${site.name} was revoked.`, {
          site: site.name,
          actor,
        });
      }
    });
    for (const uplink of uplinks.ofSite(site.id)) uplinks.refuse(uplink, "site.revoked");
    const cut = cutSite(context, site.id, "session.revoked");
    announceDifferences(context, before);
    await cut;
  } else {
    // What an earlier attempt could not reach.
    await cutSite(context, site.id, "session.revoked");
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
