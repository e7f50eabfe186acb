/** Says in the log what strangers did at the front's ports: at once the first time, then once a minute at the most. */
import type { StrangerCounts } from "../../../protocol/front/front-status.ts";
import type { Log } from "../../log.ts";

/** From one line to the next, ms. */
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
  #said: StrangerCounts = { shed: 0, timedOut: 0, failedHandshakes: 0, failedAccepts: 0 };
  #next = Number.NEGATIVE_INFINITY;

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param now ms, of a clock that only goes forward */
  note(counts: StrangerCounts, now: number): void {
    const changed = NAMES.filter((name) => counts[name] > this.#said[name]);
    if (changed.length === 0 || now < this.#next) return;
    const more = Object.fromEntries(changed.map((name) => [name, counts[name] - this.#said[name]]));
    const told = changed.map((name) => `${more[name]} ${WORDS[name]}`).join(", ");
    const harmed = changed.includes("shed") || changed.includes("failedAccepts");
    this.#log[harmed ? "warn" : "info"](more, `Connections that proved nothing: ${told}.`);
    this.#said = { ...counts };
    this.#next = now + QUIET_MS;
  }
}
