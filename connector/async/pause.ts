/** The wait between two attempts, which a caller can shorten. */
import { sleep } from "./sleep.ts";

export class Pause {
  readonly #stop: AbortSignal;
  readonly #random: () => number;
  #skip = new AbortController();
  #hurried = true;

  /** `stop` ends every wait. */
  constructor(stop: AbortSignal, random: () => number) {
    this.#stop = stop;
    this.#random = random;
  }

  /** Resolves after `ms`, after {@link hurry}, or when `stop` aborts. */
  async wait(ms: number): Promise<void> {
    this.#skip = new AbortController();
    this.#hurried = false;
    await sleep(ms, AbortSignal.any([this.#stop, this.#skip.signal]));
  }

  /** Ends the wait after `after` and a random part of `ms`. Further calls during the same wait do nothing. */
  hurry(ms: number, after = 0): void {
    if (this.#hurried) return;
    this.#hurried = true;
    const skip = this.#skip;
    setTimeout(() => skip.abort(), after + this.#random() * ms).unref();
  }
}
