/** Renews the certificates over the uplink at half of their life, and retries until a renewal succeeds. */

import { asFairleadError, type FairleadError } from "../../protocol/errors.ts";
import type { Renewal } from "../../protocol/uplink/messages.ts";
import { MAX_TIMER_MS } from "../async/timeout.ts";
import type { Log } from "../log.ts";
import { Backoff } from "../net/backoff.ts";
import { OutageLog } from "../outage-log.ts";
import { renewAt, type Validity } from "./decisions.ts";

export interface RenewerOptions {
  readonly validity: () => Validity;
  /** Requests a renewal over the uplink. */
  readonly request: () => Promise<Renewal>;
  /** Stores the new certificates and takes them into use. */
  readonly adopt: (renewal: Renewal) => Promise<void>;
  /** Replaces the uplink by one with the new certificate. */
  readonly adopted: () => void;
  readonly log: Log;
  readonly now?: () => number;
  readonly random?: () => number;
  /** Backoff between failed attempts, ms. */
  readonly retry?: { readonly base: number; readonly cap: number };
}

/**
 * Least time between two successful renewals, ms. By a clock that is far ahead, even a new certificate is
 * old.
 */
const BETWEEN_MS = 60_000;

export class Renewer {
  readonly #options: Required<RenewerOptions>;
  readonly #backoff: Backoff;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #isRenewing = false;
  #trouble: FairleadError | null = null;
  readonly #outage: OutageLog;

  constructor(options: RenewerOptions) {
    this.#options = {
      now: Date.now,
      random: Math.random,
      retry: { base: 20_000, cap: 600_000 },
      ...options,
    };
    this.#backoff = new Backoff({ ...this.#options.retry, random: this.#options.random });
    this.#outage = new OutageLog(options.log);
  }

  /**
   * Schedules the next renewal. Call it again when the certificates were changed by other means.
   * @param least shortest time until the renewal, ms
   */
  plan(least = 0): void {
    this.#trouble = null;
    const { validity, random, now } = this.#options;
    this.#schedule(Math.max(least, renewAt(validity(), random()) - now()));
  }

  /** Renews at once, unless a renewal is in progress. */
  soon(): void {
    if (!this.#isRenewing) this.#schedule(0);
  }

  /** The error of the last attempt; null if it succeeded. */
  get trouble(): FairleadError | null {
    return this.#trouble;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(delay: number): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#renew(), Math.min(Math.max(delay, 0), MAX_TIMER_MS)).unref();
  }

  async #renew(): Promise<void> {
    const { request, adopt, adopted } = this.#options;
    this.#isRenewing = true;
    try {
      await adopt(await request());
      this.#trouble = null;
      this.#outage.ended({}, (length) => `Renewals succeed again, after ${length}.`);
    } catch (thrown) {
      const error = asFairleadError(thrown, "uplink.lost");
      this.#trouble = error;
      const delay = this.#backoff.next();
      const about = { code: error.code, retryMs: delay };
      this.#outage.failed(about, `The certificates were not renewed: ${error.message}`);
      this.#schedule(delay);
      return;
    } finally {
      this.#isRenewing = false;
    }
    this.#backoff.reset();
    if (this.#isStopped) return;
    adopted();
    this.plan(BETWEEN_MS);
  }
}
