/** The state of the uplink, its transitions, and the wait after each failure. */
import { ERRORS, type ErrorCode } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import { OutageLog } from "../outage-log.ts";

export interface Trouble {
  readonly code: ErrorCode;
  readonly message: string;
  readonly action: string;
}

export type UplinkState =
  /** Not started. */
  | { readonly state: "idle"; readonly since: number }
  /** Dialling, or waiting for `welcome`. `trouble` ended the previous attempt. */
  | { readonly state: "connecting"; readonly since: number; readonly trouble?: Trouble }
  | { readonly state: "up"; readonly since: number }
  /** Failed in a way that passes; dialled again at `until`. Times in ms since 1970. */
  | { readonly state: "waiting"; readonly since: number; readonly until: number; readonly trouble: Trouble }
  /** Failed in a way that needs a repair; still dialled again, slowly. */
  | { readonly state: "refused"; readonly since: number; readonly until: number; readonly trouble: Trouble }
  | { readonly state: "closed"; readonly since: number };

type Name = UplinkState["state"];

const TRANSITIONS: Readonly<Record<Name, readonly Name[]>> = {
  idle: ["connecting", "closed"],
  connecting: ["up", "waiting", "refused", "closed"],
  up: ["waiting", "refused", "closed"],
  waiting: ["connecting", "closed"],
  refused: ["connecting", "closed"],
  closed: [],
};

export function canMove(from: Name, to: Name): boolean {
  return TRANSITIONS[from].includes(to);
}

/** Bounds of the wait between attempts while a repair is needed, ms. */
export const SLOW = { from: 30_000, to: 60_000 } as const;

/**
 * Whether a repetition cannot cure `code`. It can cure `assertion.replayed`, because every assertion has its
 * own number, and `certificate.expired`, because a renewal over the API follows.
 */
export function isSlow(code: ErrorCode): boolean {
  return !ERRORS[code].retry && code !== "assertion.replayed" && code !== "certificate.expired";
}

/** The wait before the next attempt after `code`, ms. `next` is the wait of the backoff. */
export function waitAfter(code: ErrorCode, next: () => number, random: () => number): number {
  return isSlow(code) ? Math.floor(SLOW.from + random() * (SLOW.to - SLOW.from)) : next();
}

/**
 * Holds the state of the uplink and logs its transitions. Only {@link UplinkStates.move} changes the state. An edge
 * that is away is logged once, and once more when it is back; the attempts in between are logged at the level debug.
 */
export class UplinkStates {
  readonly #log: Log;
  readonly #outage: OutageLog;
  #state: UplinkState;

  /** @param now wall clock, ms since 1970 */
  constructor(now: number, log: Log, monotonic?: () => number) {
    this.#log = log;
    this.#outage = new OutageLog(log, monotonic);
    this.#state = { state: "idle", since: now };
  }

  get state(): UplinkState {
    return this.#state;
  }

  /** The trouble of the previous attempt, shown during the next one. */
  get trouble(): { trouble?: Trouble } {
    const state = this.#state;
    return state.state === "waiting" || state.state === "refused" ? { trouble: state.trouble } : {};
  }

  move(next: UplinkState): void {
    const from = this.#state.state;
    if (!canMove(from, next.state)) throw new Error(`The uplink cannot go from ${from} to ${next.state}.`);
    this.#state = next;
    const fields = { from, to: next.state };
    if (next.state === "waiting" || next.state === "refused") {
      const { code, message, action } = next.trouble;
      const about = { ...fields, code, action, retryMs: next.until - next.since };
      this.#outage.failed(about, `The uplink is ${next.state}: ${message}`);
    } else if (next.state === "up" && this.#outage.isOn) {
      this.#outage.ended(fields, (length) => `The uplink is up, after ${length} without the edge.`);
    } else {
      const level = next.state === "connecting" && this.#outage.isOn ? "debug" : "info";
      this.#log[level](fields, `The uplink is ${next.state}.`);
    }
  }
}
