/**
 * Detects a dead uplink before 45 seconds of silence have passed: when a request stays unanswered. An edge
 * that is only slow still answers a keep-alive, because the runtime does so without waking any code.
 *
 *     request sent ──no answer──▶ probed ──no answer──▶ replaced ──late answer──▶ kept
 *                                   └────answer──▶ kept
 */
import { TIME_LIMITS, timeLimit } from "../../protocol/time-limits.ts";
import { sleep } from "../async/sleep.ts";
import type { Log } from "../log.ts";

export interface LivenessTimes {
  /** Least time for the answer to a request before the uplink is probed, ms. */
  readonly answerMs: number;
  /** Least time for the answer to the probe, ms. */
  readonly probeMs: number;
}

const TIMES: LivenessTimes = { answerMs: TIME_LIMITS.reply.least, probeMs: 2000 };

/** Least time for the answer to the probe, in round trips. */
const PROBE_ROUND_TRIPS = 8;

/**
 * Spacing of replacements of uplinks that answered nothing, ms: doubles, and may be shorter by up to half.
 */
const SPACING = { base: 20_000, cap: 160_000 } as const;

export interface ProbedUplink {
  readonly isOpen: boolean;
  /** Sends a keep-alive. Resolves when its answer has arrived. */
  probe(): Promise<void>;
}

export interface LivenessProbeOptions<U extends ProbedUplink> {
  /** Replaces an uplink; `alive` aborts when the uplink answers after all. */
  readonly replace: (uplink: U, alive: AbortSignal) => Promise<void>;
  /** Round trip to the edge, ms; null before the first measurement. */
  readonly rtt: () => number | null;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly times?: LivenessTimes;
  /** Monotonic clock, ms. */
  readonly now: () => number;
}

export class LivenessProbe<U extends ProbedUplink> {
  readonly #options: LivenessProbeOptions<U>;
  readonly #times: LivenessTimes;
  /** The uplink that is probed now. At most one, however many requests wait. */
  #probed: U | null = null;
  /** Count of replacements since a request was last answered in time. */
  #replacements = 0;
  /** No further replacement before this time, ms. */
  #quietUntil = Number.NEGATIVE_INFINITY;

  constructor(options: LivenessProbeOptions<U>) {
    this.#options = options;
    this.#times = options.times ?? TIMES;
  }

  /**
   * Watches a request that was sent. Call the returned function when the request has ended, `answered` or
   * not.
   */
  requestSent(uplink: U): (answered: boolean) => void {
    let isInTime = true;
    const timer = setTimeout(
      () => {
        isInTime = false;
        void this.#probe(uplink);
      },
      timeLimit("reply", this.#options.rtt(), this.#times.answerMs),
    ).unref();
    return (answered) => {
      clearTimeout(timer);
      if (!answered || !isInTime) return;
      this.#replacements = 0;
      this.#quietUntil = Number.NEGATIVE_INFINITY;
    };
  }

  async #probe(uplink: U): Promise<void> {
    if (this.#probed === uplink || !uplink.isOpen) return;
    this.#probed = uplink;
    const alive = new AbortController();
    void uplink.probe().then(() => alive.abort());
    const isSilent = await sleep(this.#probeWait(), alive.signal, { ref: false });
    if (isSilent && uplink.isOpen && this.#options.now() >= this.#quietUntil) {
      const level = this.#replacements === 0 ? "info" : "debug";
      this.#spaceOut();
      this.#options.log[level]({ code: "uplink.lost" }, "The uplink does not answer. Opening another one.");
      await this.#options.replace(uplink, alive.signal);
    }
    if (this.#probed === uplink) this.#probed = null;
  }

  /**
   * Between one and two times the least wait, ms, so that sites behind a broken path do not return all at
   * once.
   */
  #probeWait(): number {
    const least = Math.max(this.#times.probeMs, PROBE_ROUND_TRIPS * (this.#options.rtt() ?? 0));
    return least * (1 + this.#options.random());
  }

  /** Delays the next replacement. More uplinks do not help an edge that accepts them and answers nothing. */
  #spaceOut(): void {
    const { now, random } = this.#options;
    const spacing = Math.min(SPACING.base * 2 ** Math.min(this.#replacements, 10), SPACING.cap);
    this.#replacements += 1;
    this.#quietUntil = now() + (spacing / 2) * (1 + random());
  }
}
