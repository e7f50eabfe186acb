/** Creation of sites by name, before they join, and changes of a site's name or of what it may offer. */
import type { CreateSite, Site, UpdateSite } from "../../../protocol/api/sites.ts";
import type { Token } from "../../../protocol/api/tokens.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { instanceKey } from "../../../protocol/instance-id.ts";
import type { Context } from "../context/context.ts";
import { NETWORK_NODE } from "../policy/link-graph.ts";
import { isEstablished } from "../sockets/attachment.ts";
import type { SiteRow } from "../store/store.ts";
import { changeGraph } from "./change-graph.ts";
import { describeSiteNamed, findSite } from "./describe.ts";
import { announceLinks } from "./link-reports.ts";
import { checkQuota } from "./quotas.ts";
import { revokeTokensFor } from "./site-removal.ts";
import { addToken, describeToken, prepareToken } from "./tokens.ts";

/**
 * Creates a site without key and links, and the token that admits it. Repeated before the site has joined,
 * replaces its token.
 * @throws FairleadError `site.name_taken`, `quota.sites`, `quota.tokens`
 */
export async function createSite(
  context: Context,
  request: CreateSite,
  actor: string,
): Promise<{ site: Site; token: Token; claim: string }> {
  const { store } = context;
  const id = context.newId("site");
  const facts = { issuer: NETWORK_NODE, uses: 1, expirySeconds: request.expirySeconds };
  const { row, claim } = await prepareToken(context, { ...facts, site: id });
  const site = changeGraph(context, {
    sites: revokedSiteNamed(context, request.name),
    cause: { actor, owner: null, reason: `site ${request.name} was created again` },
    change: () => {
      const made = createOrReuse(context, id, request, actor);
      revokeTokensFor(context, made, actor);
      addToken(context, { ...row, site: made.id });
      context.event("token.created", `Token ${row.id} was created for site ${made.name}.`, {
        site: made.name,
        actor,
      });
      return made;
    },
  });
  return {
    site: describeSiteNamed(context, site.id),
    token: describeToken(context, store.tokens.get(row.id) ?? row),
    claim,
  };
}

function createOrReuse(context: Context, id: string, { name, mayOffer }: CreateSite, actor: string): SiteRow {
  const { sites } = context.store;
  const existing = sites.named(name);
  if (existing?.state === "new") {
    sites.setMayOffer(existing.id, mayOffer);
    return existing;
  }
  releaseName(context, name);
  checkQuota(context, "sites");
  const now = context.now();
  const site: SiteRow = {
    id,
    name,
    publicKey: null,
    keyHash: null,
    state: "new",
    since: now,
    createdAt: now,
    mayOffer,
  };
  sites.put(site);
  context.event("site.created", `Site ${name} was created; it has not joined yet.`, { site: name, actor });
  return site;
}

/** The id of the revoked site with this name, if any. It is deleted when the name is used again. */
export function revokedSiteNamed({ store }: Context, name: string): string[] {
  const former = store.sites.named(name);
  return former?.state === "revoked" ? [former.id] : [];
}

/** Deletes a revoked site that has the name. @throws FairleadError `site.name_taken` */
function releaseName({ store }: Context, name: string): void {
  const former = store.sites.named(name);
  if (former && former.state !== "revoked") {
    throw new FairleadError("site.name_taken", `A site ${name} exists already.`);
  }
  if (former) store.deleteSite(former.id);
}

/**
 * Changes a site's name, or what it may offer. The change is announced to every site that sees it.
 * @throws FairleadError `site.unknown`, `site.revoked`, `site.name_taken`
 */
export function updateSite(context: Context, nameOrId: string, request: UpdateSite, actor: string): Site {
  const { store } = context;
  const site = findSite(context, nameOrId);
  if (site.state === "revoked") throw new FairleadError("site.revoked", `Site ${site.name} was revoked.`);
  const { name = site.name } = request;
  changeGraph(context, {
    sites: revokedSiteNamed(context, name),
    cause: { actor, owner: null, reason: `what site ${name} may offer was changed` },
    change: () => {
      if (name !== site.name) rename(context, site, name, actor);
      if (request.mayOffer !== undefined) changeMayOffer(context, site, request.mayOffer, actor);
    },
  });
  if (name !== site.name) {
    const { links } = store;
    const ends = [...links.of(site.id), ...links.from(site.id)].flatMap(({ joiner, issuer }) => [
      joiner,
      issuer,
    ]);
    announceLinks(context, ends);
    announceName(context, site.id, name);
  }
  return describeSiteNamed(context, site.id);
}

/**
 * Sends a site's new name to its own instances, and to instances with sessions to it. The export scopes of the latter
 * may refer to the name.
 */
function announceName({ store, uplinks }: Context, site: string, name: string): void {
  const peers = store.sessions.ofSite(site).map(({ a, b }) => (site === a.site ? b : a));
  const others = new Map(peers.map((peer) => [instanceKey(peer), peer]));
  const own = uplinks.ofSite(site).filter(({ attachment }) => isEstablished(attachment));
  for (const uplink of [...own, ...[...others.values()].flatMap((peer) => uplinks.ofInstance(peer))]) {
    uplinks.send(uplink, { type: "renamed", site, name });
  }
}

function rename(context: Context, site: SiteRow, name: string, actor: string): void {
  releaseName(context, name);
  context.store.sites.setName(site.id, name);
  context.event("site.changed", `Site ${site.name} was renamed to ${name}.`, { site: name, actor });
}

function changeMayOffer(context: Context, site: SiteRow, mayOffer: string[] | null, actor: string): void {
  const { sites } = context.store;
  const now = sites.get(site.id) ?? site;
  if (JSON.stringify(now.mayOffer) === JSON.stringify(mayOffer)) return;
  sites.setMayOffer(site.id, mayOffer);
  const what = mayOffer === null ? "any service" : mayOffer.length === 0 ? "none" : mayOffer.join(", ");
  context.event("site.changed", `Site ${now.name} may offer: ${what}.`, { site: now.name, actor });
}
