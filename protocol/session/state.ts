/**
 * The phases of a session (docs/protocol.md, "The session").
 *
 *     opening ──peer's HELLO──▶ up ──GOAWAY──▶ draining ──no stream left──▶ closed
 *     any ──failure, cut, close──▶ closed
 *
 * An up session is "resuming" while its carrier wants lanes, and "parked" while its carrier needs none.
 */
import type { CarrierState } from "../carrier/index.ts";
import type { ErrorCode, FairleadError } from "../errors.ts";

/** The phase of a session. */
export type SessionPhase = "opening" | "up" | "draining" | "closed";
/** The state shown outside: the phase, refined by the carrier's state while the session is up. */
export type SessionState = SessionPhase | "resuming" | "parked";

const TRANSITIONS: Record<SessionPhase, readonly SessionPhase[]> = {
  opening: ["up", "closed"],
  up: ["draining", "closed"],
  draining: ["closed"],
  closed: [],
};

/** Codes of ends that may be an attack. */
const SUSPICIOUS: ReadonlySet<ErrorCode> = new Set([
  "session.tampered",
  "session.untrusted",
  "session.wrong_peer",
]);

/** Whether a session's end deserves a warning in the log. */
export function isSuspiciousEnd(code: ErrorCode): boolean {
  return SUSPICIOUS.has(code);
}

/**
 * The state of a session in `phase` whose carrier is in state `carrier`; undefined for a carrier of version
 * 1.
 */
export function sessionState(phase: SessionPhase, carrier: CarrierState | undefined): SessionState {
  return phase === "up" && (carrier === "resuming" || carrier === "parked") ? carrier : phase;
}

/** Reports a change of phase; `why` is the error that ended the session. */
export type PhaseListener = (from: SessionPhase, to: SessionPhase, why: FairleadError | undefined) => void;

/** Holds the phase of one session. Only {@link SessionPhases.move} changes it. */
export class SessionPhases {
  readonly #moved: PhaseListener;
  #phase: SessionPhase = "opening";

  constructor(moved: PhaseListener) {
    this.#moved = moved;
  }

  /** The present phase. */
  get phase(): SessionPhase {
    return this.#phase;
  }

  /** Changes the phase and reports it. @throws RangeError for a transition that is not allowed. */
  move(next: SessionPhase, why?: FairleadError): void {
    const from = this.#phase;
    if (!TRANSITIONS[from].includes(next)) throw new RangeError(`no move from ${from} to ${next}`);
    this.#phase = next;
    this.#moved(from, next, why);
  }
}
