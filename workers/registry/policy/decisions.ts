/** Decisions of the registry about tokens, sessions and uplinks. No storage, no clock, no sockets. */
import type { Token } from "../../../protocol/api/tokens.ts";
import type { ErrorCode } from "../../../protocol/errors.ts";
import { TIME_LIMITS, timeLimit } from "../../../protocol/time-limits.ts";
import { KEEPALIVE } from "../../../protocol/uplink/messages.ts";

// ---- tokens -----------------------------------------------------------------------------------------

export interface TokenFacts {
  readonly uses: number;
  readonly used: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
}

/** How a token stands at `now` (ms). Revoked outweighs expired outweighs used up. */
export function tokenState(token: TokenFacts, now: number): Token["state"] {
  if (token.revokedAt !== null) return "revoked";
  if (now >= token.expiresAt) return "expired";
  return token.used >= token.uses ? "used_up" : "good";
}

/** How long a token that has ended is remembered, to be listed and to be refused by its own code, ms. */
export const TOKEN_MEMORY_MS = 30 * 24 * 3600_000;

export interface RedeemFacts {
  /** Null when no token has the id. */
  readonly token: TokenFacts | null;
  readonly secretMatches: boolean;
  /** This token was redeemed with this key before, and what it gave is still there. */
  readonly repeated: boolean;
  /** The name of the one site that the token admits; null: any. */
  readonly boundName: string | null;
  /** A member has this key. Whatever it calls itself, it has the name that it has. */
  readonly member: boolean;
  /** The key is of a site that was revoked: it never comes back. */
  readonly ownRevoked: boolean;
  readonly wantedName: string;
  /** The wanted name belongs to another site that was not revoked, and not to the one that the token admits. */
  readonly nameTaken: boolean;
  /** The member issued the token itself. */
  readonly toSelf: boolean;
  /** The member has a link to the token's issuer that was not revoked and whose certificate has not ended. */
  readonly linked: boolean;
  /** The member has as many other links as it may have. */
  readonly linksFull: boolean;
  /** Another link of the member has the name that is wanted for this one. */
  readonly linkNameTaken: boolean;
}

export type RedeemDecision =
  | { readonly kind: "admit" }
  /** The site that was made by name is there: it gets its key, and no link. */
  | { readonly kind: "join" }
  /** The same token with the same key: the same answer, and no use is taken. */
  | { readonly kind: "repeat" }
  /** A member redeems another token: one more link, not another site. */
  | { readonly kind: "link" }
  | { readonly kind: "refuse"; readonly code: ErrorCode };

/** Whether a token admits. The secret counts first: who does not know it learns nothing about the token. */
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
  // One key is one site: a member cannot become another one as well.
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

/** The first of link1, link2, … that `taken` does not hold. */
export function nextLinkName(taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const name = `link${number}`;
    if (!taken.has(name)) return name;
  }
}

// ---- sessions ---------------------------------------------------------------------------------------

/** How long after a grant another request for the same pair gets the same session, ms, at the least: longer over a slow path. */
export const SESSION_PENDING_MS: number = TIME_LIMITS.pending.least;

export interface SessionFacts {
  readonly id: string;
  readonly generation: number;
  readonly grantedAt: number;
}

/** Whether a session's present generation is still coming together. A grant that lies ahead is one of long ago: the clock was set back. */
export function isPending(session: SessionFacts, now: number, pendingMs = SESSION_PENDING_MS): boolean {
  const age = now - session.grantedAt;
  return age >= 0 && age < pendingMs;
}

/**
 * One session for each pair of instances and mode, whoever asked first: while both sides are still coming together
 * a second request joins the first. Later, or once it was resumed, a request means that the requester has no
 * session any more.
 */
export function decideSession(
  existing: SessionFacts | null,
  now: number,
  pendingMs = SESSION_PENDING_MS,
): "join" | "new" {
  return existing !== null && existing.generation === 1 && isPending(existing, now, pendingMs)
    ? "join"
    : "new";
}

export type ResumeDecision =
  /** The present generation is for this side too. */
  | { readonly kind: "join"; readonly generation: number }
  | { readonly kind: "next"; readonly generation: number }
  | { readonly kind: "unknown" };

/**
 * What a side gets that lost its lanes. `asked` is the last generation it used: the present one is used up for it,
 * so that there must be another; an older one means that the peer asked first, or that this side missed what was
 * offered, and while the present generation is coming together this side joins it. So both sides that resume at
 * once get the same.
 */
export function decideResume(
  existing: SessionFacts | null,
  asked: number,
  now: number,
  pendingMs = SESSION_PENDING_MS,
): ResumeDecision {
  if (existing === null) return { kind: "unknown" };
  const { generation } = existing;
  // It was never granted: whoever names it means another session than we know.
  if (asked > generation) return { kind: "unknown" };
  if (asked < generation && isPending(existing, now, pendingMs)) return { kind: "join", generation };
  return { kind: "next", generation: generation + 1 };
}

/**
 * What becomes of a session when one of its processes says hello: it goes when that process does not hold it. Not
 * so its first generation while it comes together: the process may have written its hello before it heard of it.
 */
export function decideHello(session: SessionFacts, held: boolean, now: number): "keep" | "offer" | "forget" {
  if (held) return "keep";
  return session.generation === 1 && isPending(session, now) ? "offer" : "forget";
}

/** How long a session is remembered of which neither instance is there, and why one was cut, ms. */
export const SESSION_MEMORY_MS = 15 * 60_000;

/** Whether a session is over that nobody ended, and otherwise since when both its instances are away. */
export function decideAway(
  awaySince: number | null,
  present: boolean,
  now: number,
): { readonly over: boolean; readonly awaySince: number | null } {
  if (present) return { over: false, awaySince: null };
  // Not later than now: the clock may have been set back.
  const since = Math.min(awaySince ?? now, now);
  return { over: now - since >= SESSION_MEMORY_MS, awaySince: since };
}

// ---- uplinks ----------------------------------------------------------------------------------------

/** How far a connector's clock may be from the edge's, ms; what a message takes on its way is in it. */
const CLOCK_MS = 10_000;

export function clockIsWrong(ahead: number): boolean {
  return Math.abs(ahead) >= CLOCK_MS;
}

/** How long an uplink may be open before its hello, ms: nothing has measured its path by then. */
export const HELLO_MS = timeLimit("hello", null);

/** How much may wait to be sent over an uplink, bytes: more means that its connector does not read. */
export const MAX_UNSENT = 8 * 1024 * 1024;

/** How long the offers of a lost instance stay, ms: an edge restart must not take a service away. */
export const OFFER_GRACE_MS = 60_000;

/** How often a network in use looks after its uplinks, ms. */
export const SWEEP_MS = 60_000;

/** Whether an uplink still counts: opened or heard of less than {@link KEEPALIVE}.deadAfterMs ago. */
export function uplinkAlive(heardAt: number, now: number): boolean {
  return now - heardAt < KEEPALIVE.deadAfterMs;
}

/** When to look next: with the network in use, or with something that ends; null lets the registry sleep. */
export function nextSweep(facts: { sessions: number; lostAt: number | null }, now: number): number | null {
  const times: number[] = [];
  if (facts.sessions > 0) times.push(now + SWEEP_MS);
  if (facts.lostAt !== null) times.push(Math.max(now + 1, facts.lostAt + OFFER_GRACE_MS));
  return times.length > 0 ? Math.min(...times) : null;
}
