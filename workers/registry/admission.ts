/** Admitting sites: tokens, their redemption in one transaction, and the renewal of certificates. */
import type { Admission, Redeem, Token } from "../../protocol/api.ts";
import { decodeBase64, encodeBase64, equalBytes } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { Renewal } from "../../protocol/messages.ts";
import { CLAIM_SECRET_BYTES, type Claim, formatClaim } from "../../protocol/tokens.ts";
import { keyHashOf, readCsr } from "../authority/certificates.ts";
import type { Context } from "./context.ts";
import { decideRedeem, nextLinkName, type RedeemDecision, tokenState } from "./decisions.ts";
import { NETWORK_NODE } from "./reachability.ts";
import type { LinkRow, SiteRow, TokenRow } from "./store/store.ts";

/** How long after its end a certificate may still prove a site for renewal, ms. */
export const RENEWABLE_MS = 30 * 24 * 3600_000;

const encoder = new TextEncoder();

async function hashSecret(secret: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(secret)));
}

export function describeToken(row: TokenRow, now: number): Token {
  return {
    id: row.id,
    issuer: row.issuer,
    uses: row.uses,
    used: row.used,
    state: tokenState(row, now),
    createdAt: new Date(row.createdAt).toISOString(),
    expiresAt: new Date(row.expiresAt).toISOString(),
  };
}

/** Makes a token. The claim leaves here once and is stored only as a hash. */
export async function createToken(
  context: Context,
  request: { uses: number; expirySeconds: number; actor: string },
): Promise<{ token: Token; claim: string }> {
  const network = context.store.network.get();
  if (!network) throw new FairleadError("network.unknown");
  const id = context.newId("token");
  const claim = formatClaim(network.id, id, crypto.getRandomValues(new Uint8Array(CLAIM_SECRET_BYTES)));
  const secretHash = await hashSecret(claim.slice(claim.lastIndexOf(".") + 1));
  const now = context.now();
  const row: TokenRow = {
    id,
    issuer: NETWORK_NODE,
    secretHash,
    uses: request.uses,
    used: 0,
    createdAt: now,
    expiresAt: now + request.expirySeconds * 1000,
    revokedAt: null,
  };
  context.store.transaction(() => {
    context.store.tokens.put(row);
    context.event("token.created", `Token ${id} was created for ${request.uses} use(s).`, {
      actor: request.actor,
    });
  });
  return { token: describeToken(row, now), claim };
}

export function revokeToken(context: Context, id: string, actor: string): Token {
  const now = context.now();
  const before = context.store.tokens.get(id);
  if (!before) throw new FairleadError("token.unknown", `There is no token ${id}.`);
  if (before.revokedAt === null) {
    context.store.transaction(() => {
      context.store.tokens.revoke(id, now);
      context.event("token.revoked", `Token ${id} was revoked.`, { actor });
    });
  }
  return describeToken(context.store.tokens.get(id) ?? before, now);
}

interface Applicant {
  readonly keyHash: string;
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly secretHash: Uint8Array<ArrayBuffer>;
}

function decide(context: Context, claim: Claim, wantedName: string, applicant: Applicant): RedeemDecision {
  const { store } = context;
  const token = store.tokens.get(claim.tokenId);
  const own = store.sites.withKey(applicant.keyHash);
  const named = store.sites.named(wantedName);
  const redemption = token ? store.tokens.redemption(token.id, applicant.keyHash) : null;
  return decideRedeem(
    {
      token,
      secretMatches: token !== null && equalBytes(token.secretHash, applicant.secretHash),
      repeated: redemption !== null,
      ownName: own && own.state !== "revoked" ? own.name : null,
      ownRevoked: own?.state === "revoked",
      wantedName,
      nameTaken: named !== null && named.state !== "revoked" && named.keyHash !== applicant.keyHash,
    },
    context.now(),
  );
}

/**
 * Redeems a token: everything slow (hashing, signing) comes first, then one transaction decides again and
 * writes, so that of two that race for the last use one is admitted and the other refused.
 * @throws FairleadError `token.*`, `csr.*`, `site.*`, `network.unknown`
 */
export async function redeem(context: Context, claim: Claim, request: Redeem): Promise<Admission> {
  const csr = decodeBase64(request.csr);
  if (!csr) throw new FairleadError("csr.invalid", "The certificate request is not base64.");
  const { publicKey } = await readCsr(csr);
  const applicant: Applicant = {
    keyHash: await keyHashOf(publicKey),
    publicKey,
    secretHash: await hashSecret(claim.secret),
  };

  const first = decide(context, claim, request.site, applicant);
  if (first.kind === "refuse") throw refused(context, claim, request.site, first.code);
  if (first.kind === "repeat") return answer(context, claim.tokenId, applicant.keyHash);

  const now = context.now();
  const token = context.store.tokens.get(claim.tokenId);
  if (!token) throw new FairleadError("token.unknown");
  const existing = context.store.sites.withKey(applicant.keyHash);
  const site: SiteRow = existing ?? {
    id: context.newId("site"),
    name: request.site,
    publicKey,
    keyHash: applicant.keyHash,
    state: "down",
    since: now,
    createdAt: now,
  };
  const link = { id: context.newId("link"), issuer: token.issuer, joiner: site.id };
  const signed = await context.authorities.signSite(site, now);
  const linkCertificate = (await context.authorities.signLink(link, publicKey, now)).certificate;

  const decision = context.store.transaction((): RedeemDecision => {
    const { store } = context;
    const again = decide(context, claim, request.site, applicant);
    // What was signed fits only what was decided at first.
    if (again.kind !== first.kind) return again;
    if (again.kind === "admit") {
      // A revoked site's name is free for its successor.
      const former = store.sites.named(request.site);
      if (former) store.deleteSite(former.id);
      store.sites.put(site);
      context.event("site.joined", `Site ${site.name} joined with token ${token.id}.`, {
        site: site.name,
        actor: site.name,
      });
    }
    const taken = new Set(store.links.of(site.id).map((known) => known.name));
    const row: LinkRow = {
      ...link,
      name: nextLinkName(taken),
      cost: 1,
      certificate: linkCertificate,
      createdAt: now,
    };
    store.links.put(row);
    store.certificates.put({
      serial: signed.serial,
      site: site.id,
      certificate: signed.certificate,
      notAfter: signed.notAfter,
    });
    store.tokens.putRedemption(
      token.id,
      applicant.keyHash,
      { site: site.id, link: row.id, serial: signed.serial },
      now,
    );
    context.event("token.redeemed", `Site ${site.name} redeemed token ${token.id} and got ${row.name}.`, {
      site: site.name,
      actor: site.name,
    });
    return again;
  });
  if (decision.kind === "refuse") throw refused(context, claim, request.site, decision.code);
  // Meanwhile another redemption with the same key made it a member, or its removal made it a newcomer.
  if (decision.kind !== first.kind && decision.kind !== "repeat") return redeem(context, claim, request);
  return answer(context, claim.tokenId, applicant.keyHash);
}

function refused(context: Context, claim: Claim, site: string, code: FairleadError["code"]): FairleadError {
  const text = `Token ${claim.tokenId} was refused to a site that calls itself ${site}.`;
  // Whoever does not hold the token's secret may be a stranger.
  if (code === "token.unknown" || code === "token.altered")
    context.eventOnce("token.refused", text, { code });
  else context.event("token.refused", text, { code });
  return new FairleadError(code);
}

/** The answer that a redemption gave, read back: the first and every repeated one are the same. */
function answer(context: Context, tokenId: string, keyHash: string): Admission {
  const { store, env } = context;
  const network = store.network.get();
  const redemption = store.tokens.redemption(tokenId, keyHash);
  const site = redemption && store.sites.get(redemption.site);
  const link = redemption && store.links.get(redemption.link);
  const certificate = redemption && store.certificates.get(redemption.serial);
  if (!network || !site || !link || !certificate) {
    throw new FairleadError("site.revoked", "The site that this token admitted was removed.");
  }
  return {
    network: { id: network.id, name: network.name },
    site: { id: site.id, name: site.name },
    certificate: encodeBase64(certificate.certificate),
    authority: encodeBase64(network.certificate),
    link: {
      id: link.id,
      name: link.name,
      issuer: link.issuer,
      certificate: encodeBase64(link.certificate),
    },
    edge: { links: env.LINKS_URL, audience: env.API_URL },
  };
}

/**
 * New certificates for the site's registered key: its own and its links'. The old ones stay good until they
 * end, so that the new uplink can be up before the old one goes.
 */
export async function renew(context: Context, site: SiteRow): Promise<Renewal> {
  const now = context.now();
  const signed = await context.authorities.signSite(site, now);
  const links: { row: LinkRow; certificate: Uint8Array<ArrayBuffer> }[] = [];
  for (const row of context.store.links.of(site.id)) {
    links.push({
      row,
      certificate: (await context.authorities.signLink(row, site.publicKey, now)).certificate,
    });
  }
  context.store.transaction(() => {
    const member = context.store.sites.get(site.id);
    if (!member || member.state === "revoked") throw new FairleadError("site.revoked");
    context.store.certificates.put({
      serial: signed.serial,
      site: site.id,
      certificate: signed.certificate,
      notAfter: signed.notAfter,
    });
    context.store.certificates.prune(now - RENEWABLE_MS);
    for (const { row, certificate } of links) context.store.links.setCertificate(row.id, certificate);
    context.event("certificate.renewed", `The certificates of site ${site.name} were renewed.`, {
      site: site.name,
      actor: site.name,
    });
  });
  return {
    certificate: encodeBase64(signed.certificate),
    authority: encodeBase64(signed.authority),
    links: links.map(({ row, certificate }) => ({ id: row.id, certificate: encodeBase64(certificate) })),
  };
}
