/**
 * The phases of a session.
 *
 *     opening ──peer's HELLO──▶ up ──GOAWAY──▶ draining ──no stream left──▶ closed
 *     any ──failure, cut, close──▶ closed
 *
 * While it is up its carrier may be without lanes: "resuming" when it wants some, "parked" when nobody needs it.
 */
import type { PipeState } from "../../protocol/carrier/index.ts";
import type { FairleadError } from "../../protocol/errors.ts";
import type { Log } from "./log.ts";

export type Phase = "opening" | "up" | "draining" | "closed";
/** How a session is seen from outside: while it is up, by how its carrier stands. */
export type SessionState = Phase | "resuming" | "parked";

const MOVES: Record<Phase, readonly Phase[]> = {
  opening: ["up", "closed"],
  up: ["draining", "closed"],
  draining: ["closed"],
  closed: [],
};

/** Ends that somebody should look into. */
const SUSPICIOUS = new Set(["session.tampered", "session.untrusted", "session.wrong_peer"]);

/** How a session is seen; `pipe` is how its carrier stands, where it may be without lanes. */
export function stateOf(phase: Phase, pipe: PipeState | undefined): SessionState {
  return phase === "up" && (pipe === "resuming" || pipe === "parked") ? pipe : phase;
}

/** Keeps the phase: every change goes through {@link Phases.move}, and is logged. */
export class Phases {
  readonly #about: () => object;
  readonly #log: Log;
  #phase: Phase = "opening";

  /** `about`: which session it is, for the log. */
  constructor(about: () => object, log: Log) {
    this.#about = about;
    this.#log = log;
  }

  get phase(): Phase {
    return this.#phase;
  }

  move(next: Phase, why?: FairleadError): void {
    const from = this.#phase;
    if (!MOVES[from].includes(next)) throw new RangeError(`no move from ${from} to ${next}`);
    this.#phase = next;
    const reason = why === undefined ? {} : { code: why.code, reason: why.message };
    const level = why !== undefined && SUSPICIOUS.has(why.code) ? "warn" : "debug";
    this.#log[level]({ ...this.#about(), from, to: next, ...reason }, "session");
  }
}
