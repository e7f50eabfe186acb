/**
 * Finds out sooner than by 45 seconds of silence that an uplink leads nowhere: when somebody waits for an answer in
 * vain. An edge that is only slow still answers a keep-alive, which nothing there has to wake for.
 *
 *     asked ──no answer──▶ probed ──no sign of life──▶ replaced ──sign of life──▶ kept after all
 *                             └────sign of life──▶ kept
 */
import { TIME_LIMITS, timeLimit } from "../../protocol/time-limits.ts";
import { sleep } from "../async/sleep.ts";
import type { Log } from "../log.ts";

/** How long an answer, and then a sign of life, are waited for at least, ms. */
export interface DoubtTimes {
  readonly answerMs: number;
  readonly signMs: number;
}

const TIMES: DoubtTimes = { answerMs: TIME_LIMITS.answer.least, signMs: 2000 };

/** A sign of life may take this many round trips, however long they are. */
const ROUND_TRIPS = 8;

/** Between two replacements of uplinks that answered nothing, ms; at least half of it, doubling. */
const SPACING = { base: 20_000, cap: 160_000 } as const;

/** What can be doubted. */
export interface Doubted {
  readonly isOpen: boolean;
  /** Asks for a sign of life now; resolves when it has come. */
  probe(): Promise<void>;
}

export interface DoubtsOptions<U extends Doubted> {
  /** Opens an uplink in the place of this one; `lives` says that it has given a sign of life after all. */
  readonly replace: (uplink: U, lives: AbortSignal) => Promise<void>;
  /** The round trip to the edge, ms; null while it is not known. */
  readonly rtt: () => number | null;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly times?: DoubtTimes;
  /** A clock, ms. */
  readonly now: () => number;
}

export class Doubts<U extends Doubted> {
  readonly #options: DoubtsOptions<U>;
  readonly #times: DoubtTimes;
  /** Under doubt; one at a time, however many wait. */
  #doubted: U | null = null;
  /** Replacements since a question was last answered in time, and until when there is no other, ms. */
  #replaced = 0;
  #quietUntil = Number.NEGATIVE_INFINITY;

  constructor(options: DoubtsOptions<U>) {
    this.#options = options;
    this.#times = options.times ?? TIMES;
  }

  /** A question went out. The returned function is to be called when nobody waits any more, `answered` or not. */
  asked(uplink: U): (answered: boolean) => void {
    let inTime = true;
    const timer = setTimeout(
      () => {
        inTime = false;
        void this.#doubt(uplink);
      },
      timeLimit("answer", this.#options.rtt(), this.#times.answerMs),
    ).unref();
    return (answered) => {
      clearTimeout(timer);
      if (!answered || !inTime) return;
      this.#replaced = 0;
      this.#quietUntil = Number.NEGATIVE_INFINITY;
    };
  }

  async #doubt(uplink: U): Promise<void> {
    if (this.#doubted === uplink || !uplink.isOpen) return;
    this.#doubted = uplink;
    const lives = new AbortController();
    void uplink.probe().then(() => lives.abort());
    await sleep(this.#signWait(), lives.signal, { ref: false });
    if (!lives.signal.aborted && uplink.isOpen && this.#options.now() >= this.#quietUntil) {
      this.#keepQuiet();
      this.#options.log.info({ code: "uplink.lost" }, "the uplink does not answer: opening another");
      await this.#options.replace(uplink, lives.signal);
    }
    if (this.#doubted === uplink) this.#doubted = null;
  }

  /** Up to twice the time that it takes at least: those of a site whose path broke come back spread out. ms */
  #signWait(): number {
    const least = Math.max(this.#times.signMs, ROUND_TRIPS * (this.#options.rtt() ?? 0));
    return least * (1 + this.#options.random());
  }

  /** An edge that takes uplinks and answers nothing is not served by more of them. */
  #keepQuiet(): void {
    const { now, random } = this.#options;
    const spacing = Math.min(SPACING.base * 2 ** Math.min(this.#replaced, 10), SPACING.cap);
    this.#replaced += 1;
    this.#quietUntil = now() + (spacing / 2) * (1 + random());
  }
}
