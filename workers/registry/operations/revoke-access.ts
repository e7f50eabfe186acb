/** Revocation of access: everything that an issuer issued, or one link. */
import type { RevokeAccess, RevokedAccess } from "../../../protocol/api/access.ts";
import type { Link } from "../../../protocol/api/links.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import type { Context } from "../context/context.ts";
import { NETWORK_NODE } from "../policy/link-graph.ts";
import type { LinkRow, SiteRow } from "../store/store.ts";
import { severGraph } from "./change-graph.ts";
import { describeLink } from "./describe.ts";
import { issuerName } from "./link-reports.ts";
import { findIssuer } from "./tokens.ts";

/** The revoked tokens and links of an issuer. */
interface RevokedIssue {
  readonly issuer: string;
  readonly tokens: readonly string[];
  readonly links: readonly LinkRow[];
}

/** Revokes the valid tokens and the links of an issuer. Call this in a transaction. */
export function revokeIssued(context: Context, issuer: string, actor: string): RevokedIssue {
  const { tokens, links } = context.store;
  const now = context.now();
  const good = tokens.good(now, issuer);
  for (const { id } of good) {
    tokens.revoke(id, now);
    context.event("token.revoked", `Token ${id} was revoked with its issuer's access.`, { actor });
  }
  return { issuer, tokens: good.map(({ id }) => id), links: links.revokeFrom(issuer, now) };
}

/** The network, and every site that has issued anything. */
function issuersOf(context: Context): string[] {
  const { store, authorities } = context;
  const issuers = new Set([
    NETWORK_NODE,
    ...store.issuers.all(),
    ...store.tokens.good(context.now()).map((token) => token.issuer),
    ...store.links.all().map((link) => link.issuer),
  ]);
  return [...issuers].filter((issuer) => authorities.mayIssue(issuer));
}

/**
 * Revokes the access of one issuer, or of all, in one transaction without awaits: revokes tokens and links,
 * and deletes the CA. Then cuts sessions between sites that are no longer connected, and creates a new CA. A
 * renewal or redemption that is signing meanwhile finds its CA gone or replaced.
 * @throws FairleadError `site.unknown`, `site.revoked` (the issuer), `request.invalid`
 */
export async function revokeAccess(
  context: Context,
  request: RevokeAccess,
  actor: string,
): Promise<RevokedAccess> {
  const { store, authorities } = context;
  if (request.all && request.issuer !== undefined) {
    throw new FairleadError("request.invalid", "Name one issuer or all of them, not both.");
  }
  const issuers = request.all ? issuersOf(context) : [findIssuer(context, request.issuer)];
  const { value: ended, sessions } = await severGraph(context, {
    sites: issuers,
    cause: { actor, owner: null, reason: "access was revoked" },
    change: () =>
      issuers.map((issuer) => {
        store.issuers.delete(issuer);
        const ended = revokeIssued(context, issuer, actor);
        noteRevoked(context, ended, actor);
        return {
          issuer: issuerName(context, issuer),
          tokens: ended.tokens,
          links: ended.links.map((link) => named(context, link)),
        };
      }),
  });
  for (const issuer of issuers)
    if (authorities.mayIssue(issuer)) await authorities.ensure(issuer, context.now());
  return {
    issuers: ended.map(({ issuer }) => issuer),
    tokens: ended.flatMap(({ tokens }) => tokens),
    links: ended.flatMap(({ links }) => links),
    sessions,
  };
}

function noteRevoked(context: Context, { issuer, tokens, links }: RevokedIssue, actor: string): void {
  const name = issuerName(context, issuer);
  const whose = issuer === NETWORK_NODE ? "the network" : `site ${name}`;
  const text = `Access issued by ${whose} was revoked: ${tokens.length} token(s) and ${links.length} link(s) ended.`;
  context.event("access.revoked", text, { actor, ...(issuer === NETWORK_NODE ? {} : { site: name }) });
}

const named = (context: Context, { id, name, joiner, issuer }: LinkRow) => ({
  id,
  name,
  joiner: issuerName(context, joiner),
  issuer: issuerName(context, issuer),
});

/** Deletes a link and cuts sessions that have no other path. @throws FairleadError `link.unknown` */
export async function deleteLink(context: Context, id: string, actor: string): Promise<Link> {
  const link = context.store.links.get(id);
  if (!link) throw new FairleadError("link.unknown", `There is no link ${id}.`);
  return removeLink(context, link, actor);
}

/** Deletes a link on request of the site that owns it, by its name. @throws FairleadError `link.unknown` */
export async function deleteOwnLink(context: Context, site: SiteRow, name: string): Promise<Link> {
  const link = context.store.links.of(site.id).find((row) => row.name === name);
  if (!link) throw new FairleadError("link.unknown", `Site ${site.name} has no link ${name}.`);
  return removeLink(context, link, site.name);
}

async function removeLink(context: Context, link: LinkRow, actor: string): Promise<Link> {
  const described = describeLink(context, link);
  const { joiner, issuer } = named(context, link);
  await severGraph(context, {
    sites: [link.joiner],
    cause: { actor, owner: null, reason: "a link was deleted" },
    change: () => {
      context.store.links.delete(link.id);
      context.event("link.deleted", `Link ${link.name} of site ${joiner} to ${issuer} was deleted.`, {
        site: joiner,
        actor,
      });
    },
  });
  return { ...described, state: "down" };
}
