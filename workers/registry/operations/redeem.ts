/** The redemption of tokens: admits sites and links members, in one transaction. */
import type { Admission, Redeem } from "../../../protocol/api/admission.ts";
import { encodeBase64 } from "../../../protocol/encoding.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { addressesAt } from "../../../protocol/front/former-address.ts";
import { DEFAULT_LINK_COST } from "../../../protocol/names.ts";
import type { Claim } from "../../../protocol/tokens.ts";
import type { Context } from "../context/context.ts";
import { nextLinkName, type RedeemDecision } from "../policy/tokens.ts";
import type { LinkRow, MemberRow, TokenRow } from "../store/store.ts";
import { changeGraph } from "./change-graph.ts";
import { announceLinks, issuerName } from "./link-reports.ts";
import { decideRedemption, isReplaceable, memberFor, readRedeemer } from "./redeemer.ts";
import { revokedSiteNamed } from "./sites.ts";

/**
 * Redeems a token. Hashing and signing come first, then one transaction decides again and writes. Of two
 * redemptions that compete for the last use, one is admitted and the other refused.
 * @throws FairleadError `token.*`, `csr.*`, `site.*`, `link.*`, `quota.sites`, `network.unknown`
 */
export async function redeem(context: Context, claim: Claim, request: Redeem): Promise<Admission> {
  const { store, authorities } = context;
  const redeemer = await readRedeemer(claim, request);
  for (;;) {
    const first = decideRedemption(context, claim, request, redeemer);
    if (first.kind === "refuse") throw refusal(context, claim, request.site, first.code);
    if (first.kind === "repeat") return readAdmission(context, claim.tokenId, redeemer.keyHash);

    const now = context.now();
    const token = store.tokens.get(claim.tokenId);
    if (!token) throw new FairleadError("token.unknown");
    const site = memberFor(context, token, request.site, redeemer);
    const signed = await authorities.signSite(site, now);
    const link =
      first.kind === "join" ? null : { id: context.newId("link"), issuer: token.issuer, joiner: site.id };
    const certified = link && (await authorities.signLink(link, redeemer.publicKey, now));

    const write = (): RedeemDecision | { kind: "retry" } => {
      const again = decideRedemption(context, claim, request, redeemer);
      if (again.kind === "refuse" || again.kind === "repeat") return again;
      // The signed certificates fit the first decision and the issuer's present CA only.
      if (again.kind !== first.kind) return { kind: "retry" };
      if (again.kind !== "admit" && memberFor(context, token, request.site, redeemer).id !== site.id) {
        return { kind: "retry" };
      }
      if (link && certified && !authorities.holds(link.issuer, certified.authority)) return { kind: "retry" };

      if (again.kind !== "link") admit(context, site, token, again.kind);
      store.certificates.put(site.id, signed);
      const row =
        link && certified
          ? addLink(context, site, { ...link, certificate: certified.certificate }, request.link)
          : null;
      store.tokens.putRedemption(
        token.id,
        redeemer.keyHash,
        { site: site.id, link: row?.id ?? null, serial: signed.serial },
        now,
      );
      const what = row ? `and got ${row.name}` : "and has no link yet";
      context.event("token.redeemed", `Site ${site.name} redeemed token ${token.id} ${what}.`, {
        site: site.name,
        actor: site.name,
      });
      return again;
    };
    // Skip announcements for changes that no other site can see.
    const sites = first.kind === "link" ? [site.id] : revokedSiteNamed(context, site.name);
    const cause = { owner: null, reason: "its site was replaced" };
    const decision =
      sites.length > 0 ? changeGraph(context, { sites, cause, change: write }) : store.transaction(write);
    if (decision.kind === "retry") continue;
    if (decision.kind === "refuse") throw refusal(context, claim, request.site, decision.code);
    // The issuer has a new incoming link, which is down until the joiner connects.
    if (link && first.kind !== "link") announceLinks(context, [link.issuer]);
    return readAdmission(context, claim.tokenId, redeemer.keyHash);
  }
}

/** Makes a site a member: a new site, or a site that exists by name only. */
function admit(context: Context, site: MemberRow, token: TokenRow, kind: "admit" | "join"): void {
  const { store } = context;
  if (kind === "join") {
    store.sites.setKey(site.id, site.publicKey, site.keyHash);
    store.sites.setState(site.id, "down", context.now());
  } else {
    // The name of a revoked site is free for its successor.
    const former = store.sites.named(site.name);
    if (former) store.deleteSite(former.id);
    store.sites.put(site);
  }
  context.event("site.joined", `Site ${site.name} joined with token ${token.id}.`, {
    site: site.name,
    actor: site.name,
  });
}

/** Adds a link. It replaces a revoked or expired link to the same issuer. */
function addLink(
  context: Context,
  site: MemberRow,
  made: Pick<LinkRow, "id" | "issuer" | "joiner" | "certificate">,
  wanted: Redeem["link"],
): LinkRow {
  const { links } = context.store;
  const now = context.now();
  const former = links.of(site.id).find((link) => isReplaceable(link, made.issuer, now));
  if (former) links.delete(former.id);
  const taken = new Set(links.of(site.id).map((known) => known.name));
  const row: LinkRow = {
    ...made,
    name: wanted?.name ?? former?.name ?? nextLinkName(taken),
    cost: wanted?.cost ?? former?.cost ?? DEFAULT_LINK_COST,
    createdAt: now,
    revokedAt: null,
  };
  links.put(row);
  const issuer = issuerName(context, row.issuer);
  context.event("link.created", `Link ${row.name} of site ${site.name} to ${issuer} was created.`, {
    site: site.name,
    actor: site.name,
  });
  // A connected member has proved its key, and the link certificate was signed for this key just now.
  for (const { socket, attachment } of context.uplinks.ofSite(site.id)) {
    const proven = attachment.links.filter((id) => links.get(id) !== null);
    context.uplinks.update(socket, { ...attachment, links: [...proven, row.id] });
  }
  return row;
}

function refusal(context: Context, claim: Claim, site: string, code: FairleadError["code"]): FairleadError {
  const text = `Token ${claim.tokenId} was refused for a site named ${site}.`;
  // A caller without the token's secret may be a stranger, so these refusals are not repeated in the log.
  if (code === "token.unknown" || code === "token.altered")
    context.eventOnce("token.refused", text, { code });
  else context.event("token.refused", text, { code });
  return new FairleadError(code);
}

/** Reads the result of a redemption from storage. The first and every repeated answer are thus the same. */
function readAdmission(context: Context, tokenId: string, keyHash: string): Admission {
  const { store, settings } = context;
  const network = store.network.get();
  const token = store.tokens.get(tokenId);
  const redemption = store.tokens.redemption(tokenId, keyHash);
  const site = redemption && store.sites.get(redemption.site);
  const link = redemption?.link ? store.links.get(redemption.link) : null;
  const certificate = redemption && store.certificates.get(redemption.serial);
  if (!network || !token || !site || !certificate || (redemption.link !== null && !link)) {
    throw new FairleadError("site.revoked", "The site that this token admitted was removed.", {
      action: "Join again with a new token and an empty state directory.",
    });
  }
  const { apiUrl: api, gatewayUrl: links, former } = settings;
  // The token file has the addresses of its time, and the site accepts no others.
  const edge = addressesAt(token.createdAt, former, { api, links });
  return {
    network: { id: network.id, name: network.name },
    site: { id: site.id, name: site.name },
    certificate: encodeBase64(certificate.certificate),
    authority: encodeBase64(network.certificate),
    link: link && {
      id: link.id,
      name: link.name,
      issuer: issuerName(context, link.issuer),
      cost: link.cost,
      certificate: encodeBase64(link.certificate),
    },
    edge: { links: edge.links, audience: edge.api },
  };
}
