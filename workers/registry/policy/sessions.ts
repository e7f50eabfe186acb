/** Grants, resumptions and ends of sessions, as decisions. Pure: facts and time are passed in. */
import { TIME_LIMITS } from "../../../protocol/time-limits.ts";

/** Shortest time in which a generation's lanes may meet, ms. Slow paths get longer. */
export const SESSION_PENDING_MS: number = TIME_LIMITS.pending.least;

/** The stored facts of a session that decisions depend on. */
export interface SessionFacts {
  readonly id: string;
  readonly generation: number;
  /** When the present generation was granted, ms since 1970. */
  readonly grantedAt: number;
}

/**
 * Whether the lanes of a session's present generation may still meet. A grant in the future counts as old:
 * the clock was set back.
 */
export function isPending(session: SessionFacts, now: number, pendingMs = SESSION_PENDING_MS): boolean {
  const age = now - session.grantedAt;
  return age >= 0 && age < pendingMs;
}

/**
 * Decides a session request. Each pair of instances has one session per mode: a request joins a pending first
 * generation. In any other case the requester has lost its session, and gets a new one.
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
  /** The requester gets the present generation. */
  | { readonly kind: "join"; readonly generation: number }
  | { readonly kind: "next"; readonly generation: number }
  | { readonly kind: "unknown" };

/**
 * Decides a resumption. `asked` is the last generation that the requester used. The present generation cannot
 * be used twice, so asking with it gets the next. Asking with an older one joins the present generation while
 * it is pending: the peer asked first, or the requester missed the offer. Two sides that resume at once thus
 * get the same generation.
 */
export function decideResume(
  existing: SessionFacts | null,
  asked: number,
  now: number,
  pendingMs = SESSION_PENDING_MS,
): ResumeDecision {
  if (existing === null) return { kind: "unknown" };
  const { generation } = existing;
  // The registry never granted this generation, so the requester means another session.
  if (asked > generation) return { kind: "unknown" };
  if (asked < generation && isPending(existing, now, pendingMs)) return { kind: "join", generation };
  return { kind: "next", generation: generation + 1 };
}

/**
 * Decides about a stored session when one of its processes says hello. A session that the process does not
 * hold is forgotten. A pending first generation is offered again: the hello may have been sent before the
 * offer arrived.
 */
export function decideHello(session: SessionFacts, held: boolean, now: number): "keep" | "offer" | "forget" {
  if (held) return "keep";
  return session.generation === 1 && isPending(session, now) ? "offer" : "forget";
}

/** Retention of a session whose two instances are both absent, and of the reason for a cut, ms. */
export const SESSION_MEMORY_MS = 15 * 60_000;

/** Whether a session has ended by the absence of both instances; if not, since when both are absent (ms). */
export function decideAway(
  awaySince: number | null,
  present: boolean,
  now: number,
): { readonly ended: boolean; readonly awaySince: number | null } {
  if (present) return { ended: false, awaySince: null };
  // Not later than now: the clock may have been set back.
  const since = Math.min(awaySince ?? now, now);
  return { ended: now - since >= SESSION_MEMORY_MS, awaySince: since };
}
