/** Admits a site to a network: selects a token and redeems it. */
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
import { type Membership, membershipFrom, readFiles, renamed, storeMembership } from "./membership.ts";
import type { SiteOptions } from "./site.ts";

/** Id of a token, from its claim. */
export function tokenId(token: TokenFile): string {
  return parseClaim(token.spec.claim)?.tokenId ?? "";
}

/** Checks that a token is of a network. @throws FairleadError `token.wrong_network` */
export function checkNetwork(token: TokenFile, network: Membership["network"]): void {
  if (networkOf(token) === network.id) return;
  throw new FairleadError(
    "token.wrong_network",
    `The token is of network ${token.metadata.network}, and the site of network ${network.name}.`,
  );
}

/** The source of a token that is standard input, which is read only when its token is needed. */
const STANDARD_INPUT = "-";

/** The tokens of files that can be read now. The others are reported when they are redeemed. */
export async function readableTokens({
  tokens,
  readToken,
}: Pick<SiteOptions, "tokens" | "readToken">): Promise<readonly TokenFile[]> {
  const sources = tokens.filter((source) => source !== STANDARD_INPUT);
  const read = await Promise.all(sources.map((source) => readToken(source).catch(() => null)));
  return read.filter((token) => token !== null);
}

/**
 * Checks that the tokens of a member are not all of other networks: its state directory is then another site's than the
 * one that was meant.
 * @throws FairleadError `token.wrong_network`
 */
export async function checkTokens(
  options: Pick<SiteOptions, "tokens" | "readToken">,
  network: Membership["network"],
): Promise<void> {
  const given = await readableTokens(options);
  const [first] = given;
  if (first === undefined || given.some((token) => networkOf(token) === network.id)) return;
  checkNetwork(first, network);
}

/** Id of the network of a token, from its claim. */
export function networkOf(token: TokenFile): string | undefined {
  return parseClaim(token.spec.claim)?.networkId;
}

/** Checks the value of --site. @throws FairleadError `request.invalid` */
export function checkSiteName(name: string): void {
  parseWith(SiteName, name, { code: "request.invalid", what: "--site" });
}

/**
 * The tokens that may admit the site: all of them, or for a member whose certificate is too old those not
 * redeemed yet.
 */
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
 * @throws FairleadError `token.*`, `site.name_taken`, `request.invalid`, `certificate.untrusted`, `state.*`,
 * `edge.*`
 */
export async function join(
  options: Pick<SiteOptions, "site" | "state" | "api" | "readToken" | "log">,
  key: SiteKey,
  former: Membership | null,
  source: string | undefined,
): Promise<Membership> {
  if (source === undefined) throw new FairleadError("token.missing");
  const before = await readFiles(options.state);
  const token = await options.readToken(source);
  if (former !== null) checkNetwork(token, former.network);
  const site = former?.site.name ?? options.site ?? token.metadata.site;
  if (site === undefined) {
    throw new FairleadError("request.invalid", "The token names no site, and --site is not given.", {
      action: "Give the name of the new site with --site NAME.",
    });
  }
  checkSiteName(site);
  const csr = makeCsr(key.key, site);
  const { api, tls, claim } = token.spec;
  const trust = { ca: trustedCa(token, former), tls };
  const admission = await options.api.redeem(api, trustedRoots(trust), { claim, site, csr });
  const address = edgeAddressOf(token.spec, admission.edge);
  const holds = (leaf: X509Certificate) => leaf.checkPrivateKey(key.key);
  const network = parseClaim(claim)?.networkId ?? "";
  const terms = { ...trust, address, network, token: tokenId(token) };
  const admitted = membershipFrom(admission, terms, holds, former);
  const joined = former === null ? withFormerName(admitted, site) : continued(former, admitted);
  const membership = await storeMembership(options.state, joined, before);
  const { name } = membership.site;
  options.log.info({ site: name, network: membership.network.name }, "The site joined the network.");
  // The key was admitted before: the answer was lost, or the site was renamed since.
  if (name !== site)
    options.log.warn({ site: name, given: site }, "The network knows this site by another name.");
  return membership;
}

/**
 * The deployment CA of the token. A former member keeps its own CA, or takes a re-issued certificate of it.
 * @throws FairleadError `token.wrong_edge`
 */
function trustedCa(token: TokenFile, former: Membership | null): string {
  const ca = former === null ? token.spec.ca : successorOf(former.ca, token.spec.ca);
  if (ca === null)
    throw new FairleadError(
      "token.wrong_edge",
      `The token is of the edge at ${token.spec.api}, which has another deployment CA.`,
    );
  return ca;
}

/**
 * Adds the name that the site was started with to its former names, because the next start will use it again.
 */
function withFormerName(admitted: Membership, given: string): Membership {
  return admitted.site.name === given ? admitted : { ...admitted, formerNames: [given] };
}

/**
 * Continues a former membership. The certificates of its other links have ended; a renewal brings new ones.
 */
function continued(former: Membership, admitted: Membership): Membership {
  const { site, formerNames } = former;
  if (site.id !== admitted.site.id) return admitted;
  const redeemed = [...former.redeemed, ...admitted.redeemed];
  return renamed({ ...admitted, site, formerNames, redeemed }, admitted.site.name);
}
