/** Renews the certificates at half of their life, over the uplink, and again until it works. */
import { asFairleadError } from "../../protocol/errors.ts";
import type { Renewal } from "../../protocol/messages.ts";
import type { Log } from "../log.ts";
import { Backoff } from "../uplink/backoff.ts";
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

/** Timers longer than this overflow. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Renewer {
  readonly #options: Required<RenewerOptions>;
  readonly #backoff: Backoff;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: RenewerOptions) {
    this.#options = {
      now: Date.now,
      random: Math.random,
      retry: { base: 20_000, cap: 600_000 },
      ...options,
    };
    this.#backoff = new Backoff({ ...this.#options.retry, random: this.#options.random });
  }

  /** Plans the next renewal; call it again when certificates changed by another way. */
  plan(): void {
    const { validity, random, now } = this.#options;
    this.#wake(renewAt(validity(), random()) - now());
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
    try {
      await adopt(await request());
    } catch (thrown) {
      const error = asFairleadError(thrown, "uplink.lost");
      const delay = this.#backoff.next();
      log.warn({ code: error.code, retryMs: delay }, `renewal failed: ${error.message}`);
      this.#wake(delay);
      return;
    }
    this.#backoff.reset();
    if (this.#stopped) return;
    adopted();
    this.plan();
  }
}
