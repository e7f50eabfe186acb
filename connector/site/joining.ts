/** Becoming a member: which tokens could admit the site, and the redemption of the one that does. */
import type { X509Certificate } from "node:crypto";
import { FairleadError } from "../../protocol/errors.ts";
import { SiteName } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";
import { parseClaim, type TokenFile } from "../../protocol/tokens.ts";
import { trustedRoots } from "../net/trust.ts";
import { successorOf } from "./chain.ts";
import { makeCsr } from "./csr.ts";
import { certificateState } from "./decisions.ts";
import { edgeAddressOf } from "./edge-address.ts";
import type { SiteKey } from "./key.ts";
import { type Membership, membershipFrom, renamed, storeMembership } from "./membership.ts";
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
  parseWith(SiteName, name, { code: "request.invalid", what: "--site" });
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
  const { api, tls, claim } = token.spec;
  const trust = { ca: trustedCa(token, former), tls };
  const admission = await options.api.redeem(api, trustedRoots(trust), { claim, site, csr });
  const address = edgeAddressOf(token.spec, admission.edge);
  const holds = (leaf: X509Certificate) => leaf.checkPrivateKey(key.key);
  const network = parseClaim(claim)?.networkId ?? "";
  const terms = { ...trust, address, network, token: tokenId(token) };
  const admitted = membershipFrom(admission, terms, holds, former);
  const membership = former === null ? calledBefore(admitted, site) : continued(former, admitted);
  await storeMembership(options.state, membership);
  const { name } = membership.site;
  options.log.info({ site: name, network: membership.network.name }, "joined the network");
  // Its key was admitted before; the answer was lost, or the site was renamed since.
  if (name !== site)
    options.log.warn({ site: name, given: site }, "the network knows this site by another name");
  return membership;
}

/** The token's deployment CA; a site that was a member keeps its own, or the same one re-issued. @throws FairleadError `token.wrong_edge`. */
function trustedCa({ spec }: TokenFile, former: Membership | null): string {
  const ca = former === null ? spec.ca : successorOf(former.ca, spec.ca);
  if (ca === null) throw new FairleadError("token.wrong_edge", "the token has another deployment CA");
  return ca;
}

/** The name that it was started by will be given at the next start again. */
function calledBefore(admitted: Membership, given: string): Membership {
  return admitted.site.name === given ? admitted : { ...admitted, formerNames: [given] };
}

/** What a site that is admitted again still knows. Its other links' certificates have ended: a renewal brings them. */
function continued(former: Membership, admitted: Membership): Membership {
  const { site, formerNames } = former;
  if (site.id !== admitted.site.id) return admitted;
  const redeemed = [...former.redeemed, ...admitted.redeemed];
  return renamed({ ...admitted, site, formerNames, redeemed }, admitted.site.name);
}
