/** The redeemer of a token, and whether the token admits it in the present state. */
import type { Redeem } from "../../../protocol/api/admission.ts";
import { decodeBase64, equalBytes } from "../../../protocol/encoding.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import type { Claim } from "../../../protocol/tokens.ts";
import { MAX_LINKS } from "../../../protocol/uplink/messages.ts";
import { keyHashOf, readCsr } from "../../authority/certificates.ts";
import { readCertificate } from "../../authority/x509.ts";
import type { Context } from "../context/context.ts";
import { decideRedeem, type RedeemDecision } from "../policy/tokens.ts";
import type { LinkRow, MemberRow, TokenRow } from "../store/store.ts";
import { checkQuota } from "./quotas.ts";
import { hashSecret } from "./tokens.ts";

/** Compared in place of an unknown token's hash, so that both cases take the same time. */
const NO_SECRET = new Uint8Array(32);

export interface Redeemer {
  readonly keyHash: string;
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly secretHash: Uint8Array<ArrayBuffer>;
}

/** Reads key and secret of a redemption request. @throws FairleadError `csr.invalid`, `csr.key_type` */
export async function readRedeemer(claim: Claim, request: Redeem): Promise<Redeemer> {
  const csr = decodeBase64(request.csr);
  if (!csr) throw new FairleadError("csr.invalid", "The certificate request is not base64.");
  const { publicKey } = await readCsr(csr);
  return {
    keyHash: await keyHashOf(publicKey),
    publicKey,
    secretHash: await hashSecret(claim.secret),
  };
}

/** Decides a redemption from the present stored state. */
export function decideRedemption(
  context: Context,
  claim: Claim,
  request: Redeem,
  redeemer: Redeemer,
): RedeemDecision {
  const { store } = context;
  const now = context.now();
  const token = store.tokens.get(claim.tokenId);
  const own = store.sites.withKey(redeemer.keyHash);
  const named = store.sites.named(request.site);
  const bound = token?.site ? store.sites.get(token.site) : null;
  const links = own ? store.links.of(own.id) : [];
  const decision = decideRedeem(
    {
      token,
      secretMatches: equalBytes(token?.secretHash ?? NO_SECRET, redeemer.secretHash) && token !== null,
      repeated: token !== null && isRepeated(context, token, redeemer),
      boundName: token?.site ? (bound?.name ?? "") : null,
      member: own !== null && own.state !== "revoked",
      ownRevoked: own?.state === "revoked",
      wantedName: request.site,
      nameTaken:
        named !== null &&
        named.state !== "revoked" &&
        named.keyHash !== redeemer.keyHash &&
        !(named.state === "new" && named.id === bound?.id),
      toSelf: own !== null && token?.issuer === own.id,
      linked: links.some((link) => link.issuer === token?.issuer && !isReplaceable(link, token.issuer, now)),
      linksFull: links.filter((link) => !isReplaceable(link, token?.issuer, now)).length >= MAX_LINKS,
      linkNameTaken: links.some(
        (link) => link.name === request.link?.name && !isReplaceable(link, token?.issuer, now),
      ),
    },
    now,
  );
  if (decision.kind === "admit") {
    try {
      checkQuota(context, "sites");
    } catch (thrown) {
      if (thrown instanceof FairleadError) return { kind: "refuse", code: thrown.code };
      throw thrown;
    }
  }
  return decision;
}

/**
 * Whether the key redeemed the token and the result still exists. After its link was deleted or revoked,
 * redeeming again counts as a new use.
 */
function isRepeated({ store }: Context, token: TokenRow, { keyHash }: Redeemer): boolean {
  const redemption = store.tokens.redemption(token.id, keyHash);
  if (redemption === null || store.certificates.get(redemption.serial) === null) return false;
  return redemption.link === null || store.links.get(redemption.link)?.revokedAt === null;
}

/**
 * Whether a new link to the same issuer replaces this one, taking its name and cost. True for a revoked link,
 * and for a link whose certificate has expired.
 */
export function isReplaceable(link: LinkRow, issuer: string | undefined, now: number): boolean {
  if (link.issuer !== issuer) return false;
  return link.revokedAt !== null || (readCertificate(link.certificate)?.notAfter ?? 0) <= now;
}

/**
 * The site that gets the certificates: the member with this key, the site that the token was made for, or a
 * new one.
 */
export function memberFor(context: Context, token: TokenRow, name: string, redeemer: Redeemer): MemberRow {
  const { sites } = context.store;
  const now = context.now();
  const row = sites.withKey(redeemer.keyHash) ?? (token.site ? sites.get(token.site) : null);
  return {
    id: row?.id ?? context.newId("site"),
    name: row?.name ?? name,
    publicKey: redeemer.publicKey,
    keyHash: redeemer.keyHash,
    state: row === null || row.state === "new" ? "down" : row.state,
    since: row?.since ?? now,
    createdAt: row?.createdAt ?? now,
    mayOffer: row?.mayOffer ?? null,
  };
}
