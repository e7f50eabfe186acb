/** Removal of a site: ends its uplinks, links, offers and sessions at once, and nothing else. */
import type { Site } from "../../../protocol/api/sites.ts";
import type { Context } from "../context/context.ts";
import type { SiteRow } from "../store/store.ts";
import { changeGraph, severGraph } from "./change-graph.ts";
import { cutDisconnected } from "./cut-sessions.ts";
import { describeSiteNamed, findSite } from "./describe.ts";
import { closeDoorsOf } from "./ingress.ts";
import { revokeIssued } from "./revoke-access.ts";

/** @throws FairleadError `site.unknown` */
export async function revokeSite(context: Context, nameOrId: string, actor: string): Promise<Site> {
  const site = findSite(context, nameOrId);
  await expelSite(context, site, actor);
  return describeSiteNamed(context, site.id);
}

/** Revokes a site and deletes it. Its name is free again. @throws FairleadError `site.unknown` */
export async function deleteSite(context: Context, nameOrId: string, actor: string): Promise<Site> {
  const site = findSite(context, nameOrId);
  await expelSite(context, site, actor);
  const { store } = context;
  return changeGraph(context, {
    sites: [site.id],
    cause: { actor, owner: null, reason: `site ${site.name} was deleted` },
    change: () => {
      const described = describeSiteNamed(context, site.id);
      store.deleteSite(site.id);
      context.event("site.deleted", `Site ${described.name} was deleted.`, { site: described.name, actor });
      return described;
    },
  });
}

async function expelSite(context: Context, site: SiteRow, actor: string): Promise<void> {
  if (site.state === "revoked") {
    // Retry the objects that an earlier attempt did not reach.
    await Promise.all([cutDisconnected(context, "session.revoked"), closeElsewhere(context, site.id)]);
    return;
  }
  const { uplinks } = context;
  await severGraph(context, {
    sites: [site.id],
    cause: { actor, owner: null, reason: `site ${site.name} was revoked` },
    change: () => revoke(context, site, actor),
    afterwards: () => {
      for (const uplink of uplinks.ofSite(site.id)) uplinks.refuse(uplink, "site.revoked");
    },
  });
  await closeElsewhere(context, site.id);
}

/** Ends what a site has open at other objects: sessions with doors, and reports of its traffic. */
async function closeElsewhere(context: Context, site: string): Promise<void> {
  const network = context.store.network.get();
  const reports = network === null ? undefined : context.telemetry.removeSite(network.id, site);
  await Promise.all([closeDoorsOf(context, site), reports]);
}

/** Revokes the site, the tokens that it issued or that were made for it, and the links that it issued. */
function revoke(context: Context, site: SiteRow, actor: string): void {
  const { store } = context;
  const now = context.now();
  store.sites.revoke(site.id, now);
  store.certificates.revokeOf(site.id, now);
  for (const instance of store.instances(site.id)) store.offers.replace(instance, [], now);
  context.event("site.revoked", `Site ${site.name} was revoked.`, { site: site.name, actor });
  store.issuers.delete(site.id);
  revokeIssued(context, site.id, actor);
  revokeTokensFor(context, site, actor);
}

/** Revokes the valid tokens that admit this site only. */
export function revokeTokensFor(context: Context, site: SiteRow, actor: string): void {
  const { tokens } = context.store;
  const now = context.now();
  for (const token of tokens.good(now)) {
    if (token.site !== site.id) continue;
    tokens.revoke(token.id, now);
    context.event("token.revoked", `Token ${token.id}, made for site ${site.name}, was revoked.`, {
      site: site.name,
      actor,
    });
  }
}
