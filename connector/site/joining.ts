/** Becoming a member: which tokens could admit the site, and the redemption of the one that does. */
import type { X509Certificate } from "node:crypto";
import { FairleadError } from "../../protocol/errors.ts";
import { SiteName } from "../../protocol/names.ts";
import { parseClaim, type TokenFile } from "../../protocol/tokens.ts";
import { makeCsr } from "./csr.ts";
import { certificateState } from "./decisions.ts";
import type { SiteKey } from "./key.ts";
import { type Membership, membershipFrom, renamed, storeMembership } from "./membership.ts";
import { rootsOf } from "./roots.ts";
import type { SiteOptions } from "./site.ts";

/** The token's own id: that of its claim. */
export function tokenId(token: TokenFile): string {
  return parseClaim(token.spec.claim)?.tokenId ?? "";
}

/** @throws FairleadError `token.wrong_network` when the token is not of the network. */
export function checkNetwork(token: TokenFile, network: Membership["network"]): void {
  if (parseClaim(token.spec.claim)?.networkId === network.id) return;
  throw new FairleadError("token.wrong_network", `the token is not of network ${network.name}`);
}

/** @throws FairleadError `request.invalid`. */
export function checkSiteName(name: string): void {
  const checked = SiteName.safeParse(name);
  if (checked.success) return;
  throw new FairleadError("request.invalid", `--site: ${checked.error.issues[0]?.message}`);
}

/** Tokens that could admit the site: all, or, once it is a member that needs one again, those not redeemed yet. */
export async function freshTokens(
  { tokens, readToken }: Pick<SiteOptions, "tokens" | "readToken">,
  member: Membership | null,
  now: number,
): Promise<readonly string[]> {
  if (member === null || certificateState(member, now) !== "too_old") return tokens;
  const fresh: string[] = [];
  for (const source of tokens) {
    if (!member.redeemed.includes(tokenId(await readToken(source)))) fresh.push(source);
  }
  return fresh;
}

/**
 * Admits the site with a token, for the first time or again, and stores the membership.
 * @throws FairleadError token.*, site.name_taken, request.invalid, certificate.untrusted, state.*, edge.*.
 */
export async function join(
  options: Pick<SiteOptions, "site" | "state" | "api" | "readToken" | "log">,
  key: SiteKey,
  former: Membership | null,
  source: string | undefined,
): Promise<Membership> {
  if (source === undefined) throw new FairleadError("token.missing");
  const token = await options.readToken(source);
  if (former !== null) checkNetwork(token, former.network);
  const site = former?.site.name ?? options.site ?? token.metadata.site;
  if (site === undefined) throw new FairleadError("request.invalid", "--site NAME is needed to join");
  checkSiteName(site);
  const csr = await makeCsr(key.key, site);
  const { api, ca, tls, claim } = token.spec;
  const admission = await options.api.redeem(api, rootsOf(token.spec), { claim, site, csr });
  const holds = (leaf: X509Certificate) => leaf.checkPrivateKey(key.key);
  const admitted = membershipFrom(admission, { api, ca, tls, token: tokenId(token), holds });
  const membership = former === null ? admitted : continued(former, admitted);
  await storeMembership(options.state, membership);
  const { name } = membership.site;
  options.log.info({ site: name, network: membership.network.name }, "joined the network");
  // Its key was admitted before; the answer was lost, or the site was renamed since.
  if (name !== site)
    options.log.warn({ site: name, given: site }, "the network knows this site by another name");
  return membership;
}

/** What a site that is admitted again still knows. Its other links' certificates have ended: a renewal brings them. */
function continued(former: Membership, admitted: Membership): Membership {
  const { site, formerNames } = former;
  if (site.id !== admitted.site.id) return admitted;
  const redeemed = [...former.redeemed, ...admitted.redeemed];
  return renamed({ ...admitted, site, formerNames, redeemed }, admitted.site.name);
}
