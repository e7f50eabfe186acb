/** The uplink's state: one value, the legal moves, and how long to wait after which failure. */
import { ERRORS, type ErrorCode } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";

export interface Trouble {
  readonly code: ErrorCode;
  readonly message: string;
  readonly action: string;
}

export type UplinkState =
  /** Not started. */
  | { readonly state: "idle"; readonly since: number }
  /** Dialling, or waiting for welcome. `trouble` is what ended the previous attempt. */
  | { readonly state: "connecting"; readonly since: number; readonly trouble?: Trouble }
  | { readonly state: "up"; readonly since: number }
  /** Failed in a way that passes by itself; tried again at `until`. Times in ms since 1970. */
  | { readonly state: "waiting"; readonly since: number; readonly until: number; readonly trouble: Trouble }
  /** Failed in a way that somebody has to repair; still tried again, slowly. */
  | { readonly state: "refused"; readonly since: number; readonly until: number; readonly trouble: Trouble }
  | { readonly state: "closed"; readonly since: number };

type Name = UplinkState["state"];

const MOVES: Readonly<Record<Name, readonly Name[]>> = {
  idle: ["connecting", "closed"],
  connecting: ["up", "waiting", "refused", "closed"],
  up: ["waiting", "refused", "closed"],
  waiting: ["connecting", "closed"],
  refused: ["connecting", "closed"],
  closed: [],
};

export function canMove(from: Name, to: Name): boolean {
  return MOVES[from].includes(to);
}

/** Waits between attempts while somebody has to repair something, ms. */
export const SLOW = { from: 30_000, to: 60_000 } as const;

/**
 * Codes that no repetition cures go slowly. `assertion.replayed` does pass: every assertion has a number of
 * its own. `certificate.expired` is followed by a renewal on the API, which has a code of its own.
 */
export function isSlow(code: ErrorCode): boolean {
  return !ERRORS[code].retry && code !== "assertion.replayed" && code !== "certificate.expired";
}

/** The wait before the next attempt after `code`, ms. `next` is the backoff's. */
export function waitAfter(code: ErrorCode, next: () => number, random: () => number): number {
  return isSlow(code) ? Math.floor(SLOW.from + random() * (SLOW.to - SLOW.from)) : next();
}

/** Keeps the state: every change goes through {@link StateKeeper.move}, and is logged. */
export class StateKeeper {
  readonly #log: Log;
  #state: UplinkState;

  constructor(now: number, log: Log) {
    this.#log = log;
    this.#state = { state: "idle", since: now };
  }

  get state(): UplinkState {
    return this.#state;
  }

  /** What ended the previous attempt, to be shown during the next. */
  get trouble(): { trouble?: Trouble } {
    const state = this.#state;
    return state.state === "waiting" || state.state === "refused" ? { trouble: state.trouble } : {};
  }

  move(next: UplinkState): void {
    const from = this.#state.state;
    if (!canMove(from, next.state)) throw new Error(`the uplink cannot go from ${from} to ${next.state}`);
    this.#state = next;
    const fields = { from, to: next.state };
    if (next.state === "waiting" || next.state === "refused") {
      const { code, message, action } = next.trouble;
      this.#log.warn({ ...fields, code, action, retryMs: next.until - next.since }, `uplink: ${message}`);
    } else this.#log.info(fields, `uplink ${next.state}`);
  }
}
