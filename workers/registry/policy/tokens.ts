/** The state of a token, and whether a redemption is accepted. Pure: facts and time are passed in. */
import type { Token } from "../../../protocol/api/tokens.ts";
import type { ErrorCode } from "../../../protocol/errors.ts";

/** The stored facts of a token that its state depends on. Times are ms since 1970. */
export interface TokenFacts {
  readonly uses: number;
  readonly used: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
}

/** The state of a token at `now` (ms). Revoked takes precedence over expired, and expired over used up. */
export function tokenState(token: TokenFacts, now: number): Token["state"] {
  if (token.revokedAt !== null) return "revoked";
  if (now >= token.expiresAt) return "expired";
  return token.used >= token.uses ? "used_up" : "good";
}

/** Retention of a revoked or expired token, ms: until then it is listed, and refused with its own code. */
export const TOKEN_MEMORY_MS = 30 * 24 * 3600_000;

/** Everything that a redemption depends on. */
export interface RedeemFacts {
  /** Null if no token has the id. */
  readonly token: TokenFacts | null;
  readonly secretMatches: boolean;
  /** This key redeemed this token before, and the result of that redemption still exists. */
  readonly repeated: boolean;
  /** Name of the only site that the token admits; null: any site. */
  readonly boundName: string | null;
  /** A member has this key. The member keeps its name, whatever name the request carries. */
  readonly member: boolean;
  /** The key belongs to a revoked site. Such a key is never admitted again. */
  readonly ownRevoked: boolean;
  readonly wantedName: string;
  /** Another site that is not revoked has the wanted name. The site that the token admits does not count. */
  readonly nameTaken: boolean;
  /** The member itself issued the token. */
  readonly toSelf: boolean;
  /** The member has a link to the token's issuer, neither revoked nor with an expired certificate. */
  readonly linked: boolean;
  /** The member's other links have reached the limit. */
  readonly linksFull: boolean;
  /** Another link of the member has the name requested for the new link. */
  readonly linkNameTaken: boolean;
}

export type RedeemDecision =
  | { readonly kind: "admit" }
  /** The token's site exists by name only: it gets its key, and no link. */
  | { readonly kind: "join" }
  /** The same token with the same key: the same answer again. No use is counted. */
  | { readonly kind: "repeat" }
  /** A member redeems another token: it gets another link. No site is added. */
  | { readonly kind: "link" }
  | { readonly kind: "refuse"; readonly code: ErrorCode };

/** Decides a redemption. The secret is checked first: without it a caller learns nothing about the token. */
export function decideRedeem(facts: RedeemFacts, now: number): RedeemDecision {
  const { token } = facts;
  if (token === null) return { kind: "refuse", code: "token.unknown" };
  if (!facts.secretMatches) return { kind: "refuse", code: "token.altered" };
  const state = tokenState(token, now);
  if (state === "revoked") return { kind: "refuse", code: "token.revoked" };
  if (facts.ownRevoked) return { kind: "refuse", code: "site.revoked" };
  if (facts.repeated) return { kind: "repeat" };
  if (state === "expired") return { kind: "refuse", code: "token.expired" };
  if (state === "used_up") return { kind: "refuse", code: "token.used_up" };
  const bound = facts.boundName !== null;
  // A key identifies one site, so a member cannot join as a second site.
  if (bound && (facts.member || facts.boundName !== facts.wantedName)) {
    return { kind: "refuse", code: "token.wrong_site" };
  }
  if (!facts.member) {
    if (facts.nameTaken) return { kind: "refuse", code: "site.name_taken" };
    return { kind: bound ? "join" : "admit" };
  }
  if (facts.toSelf) return { kind: "refuse", code: "link.self" };
  if (facts.linked) return { kind: "refuse", code: "link.exists" };
  if (facts.linksFull) return { kind: "refuse", code: "link.limit" };
  if (facts.linkNameTaken) return { kind: "refuse", code: "link.name_taken" };
  return { kind: "link" };
}

/** The first of link1, link2, … that is not in `taken`. */
export function nextLinkName(taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const name = `link${number}`;
    if (!taken.has(name)) return name;
  }
}
