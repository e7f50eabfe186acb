/** Renews the certificates at half of their life, over the uplink, and again until it works. */
import { asFairleadError, type FairleadError } from "../../protocol/errors.ts";
import type { Renewal } from "../../protocol/uplink/messages.ts";
import type { Log } from "../log.ts";
import { Backoff } from "../net/backoff.ts";
import { renewAt, type Validity } from "./decisions.ts";

export interface RenewerOptions {
  readonly validity: () => Validity;
  /** Asks the registry over the uplink. */
  readonly request: () => Promise<Renewal>;
  /** Stores the answer and takes it into use. */
  readonly adopt: (renewal: Renewal) => Promise<void>;
  /** Opens an uplink with the new certificate before the old one is closed. */
  readonly adopted: () => void;
  readonly log: Log;
  readonly now?: () => number;
  readonly random?: () => number;
  /** Between attempts that fail, ms. */
  readonly retry?: { readonly base: number; readonly cap: number };
}

/** Between two renewals that succeed, ms: by a clock that is far ahead, even a new certificate is old. */
const BETWEEN_MS = 60_000;

/** Timers longer than this overflow. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Renewer {
  readonly #options: Required<RenewerOptions>;
  readonly #backoff: Backoff;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #renewing = false;
  #trouble: FairleadError | null = null;

  constructor(options: RenewerOptions) {
    this.#options = {
      now: Date.now,
      random: Math.random,
      retry: { base: 20_000, cap: 600_000 },
      ...options,
    };
    this.#backoff = new Backoff({ ...this.#options.retry, random: this.#options.random });
  }

  /**
   * Plans the next renewal; call it again when certificates changed by another way.
   * @param least not earlier than in this time, ms
   */
  plan(least = 0): void {
    this.#trouble = null;
    const { validity, random, now } = this.#options;
    this.#wake(Math.max(least, renewAt(validity(), random()) - now()));
  }

  /** Renews at once: something needs new certificates before their time. */
  soon(): void {
    if (!this.#renewing) this.#wake(0);
  }

  /** Why the last attempt failed; null when it did not. */
  get trouble(): FairleadError | null {
    return this.#trouble;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #wake(delay: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#renew(), Math.min(Math.max(delay, 0), MAX_TIMER_MS)).unref();
  }

  async #renew(): Promise<void> {
    const { request, adopt, adopted, log } = this.#options;
    this.#renewing = true;
    try {
      await adopt(await request());
      this.#trouble = null;
    } catch (thrown) {
      const error = asFairleadError(thrown, "uplink.lost");
      this.#trouble = error;
      const delay = this.#backoff.next();
      log.warn({ code: error.code, retryMs: delay }, `renewal failed: ${error.message}`);
      this.#wake(delay);
      return;
    } finally {
      this.#renewing = false;
    }
    this.#backoff.reset();
    if (this.#stopped) return;
    adopted();
    this.plan(BETWEEN_MS);
  }
}
