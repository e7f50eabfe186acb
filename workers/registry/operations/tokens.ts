/**
 * Tokens: creation for the network or on behalf of a site, description and revocation. See redeem.ts for
 * their use.
 */
import type { Token } from "../../../protocol/api/tokens.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { CLAIM_SECRET_BYTES, formatClaim } from "../../../protocol/tokens.ts";
import type { Context } from "../context/context.ts";
import { NETWORK_NODE } from "../policy/link-graph.ts";
import { TOKEN_MEMORY_MS, tokenState } from "../policy/tokens.ts";
import type { TokenRow } from "../store/store.ts";
import { findSite } from "./describe.ts";
import { issuerName } from "./link-reports.ts";
import { checkQuota } from "./quotas.ts";

const encoder = new TextEncoder();

/** The form in which a claim's secret is stored and compared. */
export async function hashSecret(secret: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(secret)));
}

export function describeToken(context: Context, row: TokenRow): Token {
  const site = row.site === null ? null : context.store.sites.get(row.site);
  return {
    id: row.id,
    issuer: issuerName(context, row.issuer),
    ...(site === null ? {} : { site: site.name }),
    uses: row.uses,
    used: row.used,
    state: tokenState(row, context.now()),
    createdAt: new Date(row.createdAt).toISOString(),
    expiresAt: new Date(row.expiresAt).toISOString(),
  };
}

/**
 * The node of the link graph that a caller names.
 * @param nameOrId of a site; "network" or undefined for the network itself
 * @throws FairleadError `site.unknown`, `site.revoked`
 */
export function findIssuer(context: Context, nameOrId: string = NETWORK_NODE): string {
  if (nameOrId === NETWORK_NODE) return NETWORK_NODE;
  const site = findSite(context, nameOrId);
  if (site.state === "revoked")
    throw new FairleadError("site.revoked", `Site ${site.name} was revoked.`, {
      action: "Name another issuer with --issuer; `fairlead site list` shows the sites.",
    });
  return site.id;
}

/** Prepares a token without storing it. The claim is returned once; only its hash is stored. */
export async function prepareToken(
  context: Context,
  facts: Pick<TokenRow, "issuer" | "site" | "uses"> & { expirySeconds: number },
): Promise<{ row: TokenRow; claim: string }> {
  const network = context.store.network.get();
  if (!network) throw new FairleadError("network.unknown");
  const id = context.newId("token");
  const claim = formatClaim(network.id, id, crypto.getRandomValues(new Uint8Array(CLAIM_SECRET_BYTES)));
  const secretHash = await hashSecret(claim.slice(claim.lastIndexOf(".") + 1));
  const now = context.now();
  const row: TokenRow = {
    id,
    issuer: facts.issuer,
    secretHash,
    uses: facts.uses,
    used: 0,
    createdAt: now,
    expiresAt: now + facts.expirySeconds * 1000,
    revokedAt: null,
    site: facts.site,
  };
  return { row, claim };
}

/**
 * Stores a token in the caller's transaction, and deletes tokens past their retention. @throws FairleadError
 * `quota.tokens`
 */
export function addToken(context: Context, row: TokenRow): void {
  const { tokens } = context.store;
  tokens.prune(context.now() - TOKEN_MEMORY_MS);
  checkQuota(context, "tokens");
  tokens.put(row);
}

/**
 * Creates a token that admits any site.
 * @throws FairleadError `site.unknown`, `site.revoked` (the issuer), `quota.tokens`
 */
export async function createToken(
  context: Context,
  request: { issuer?: string | undefined; uses: number; expirySeconds: number; actor: string },
): Promise<{ token: Token; claim: string }> {
  const issuer = findIssuer(context, request.issuer);
  const { row, claim } = await prepareToken(context, { ...request, issuer, site: null });
  context.store.transaction(() => {
    // The issuer may have been revoked during hashing, and its tokens with it.
    findIssuer(context, issuer);
    addToken(context, row);
    const whose = issuer === NETWORK_NODE ? "" : ` on behalf of site ${issuerName(context, issuer)}`;
    context.event("token.created", `Token ${row.id} was created${whose} for ${request.uses} use(s).`, {
      actor: request.actor,
    });
  });
  return { token: describeToken(context, row), claim };
}

/** @throws FairleadError `token.unknown` */
export function revokeToken(context: Context, id: string, actor: string): Token {
  const { tokens } = context.store;
  const before = tokens.get(id);
  if (!before) throw new FairleadError("token.unknown", `There is no token ${id}.`);
  if (before.revokedAt === null) {
    context.store.transaction(() => {
      tokens.revoke(id, context.now());
      context.event("token.revoked", `Token ${id} was revoked.`, { actor });
    });
  }
  return describeToken(context, tokens.get(id) ?? before);
}
