/** Logs counts of unauthenticated connections: at once the first time, then at most once a minute. */
import type { StrangerCounts } from "../../../protocol/front/front-status.ts";
import type { Log } from "../../log.ts";

/** Shortest time between two lines, ms. */
const QUIET_MS = 60_000;

const WORDS = {
  shed: "shed for others",
  timedOut: "timed out",
  failedHandshakes: "failed in the handshake",
  failedAccepts: "not accepted",
} as const satisfies Record<keyof StrangerCounts, string>;

const NAMES = Object.keys(WORDS) as (keyof StrangerCounts)[];

export class StrangerLog {
  readonly #log: Log;
  #logged: StrangerCounts = { shed: 0, timedOut: 0, failedHandshakes: 0, failedAccepts: 0 };
  #next = Number.NEGATIVE_INFINITY;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Logs counts that changed. @param now ms, of a monotonic clock */
  note(counts: StrangerCounts, now: number): void {
    const changed = NAMES.filter((name) => counts[name] > this.#logged[name]);
    if (changed.length === 0 || now < this.#next) return;
    const more = Object.fromEntries(changed.map((name) => [name, counts[name] - this.#logged[name]]));
    const text = changed.map((name) => `${more[name]} ${WORDS[name]}`).join(", ");
    const harmed = changed.includes("shed") || changed.includes("failedAccepts");
    this.#log[harmed ? "warn" : "info"](more, `Unauthenticated connections: ${text}.`);
    this.#logged = { ...counts };
    this.#next = now + QUIET_MS;
  }
}
