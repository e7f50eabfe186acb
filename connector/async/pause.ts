/** The wait between two attempts, which somebody in a hurry may cut short. */
import { setTimeout as sleep } from "node:timers/promises";

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

  /** Resolves after `ms`, or sooner. */
  async wait(ms: number): Promise<void> {
    this.#skip = new AbortController();
    this.#hurried = false;
    const signal = AbortSignal.any([this.#stop, this.#skip.signal]);
    await sleep(ms, undefined, { signal }).catch(() => {});
  }

  /** Ends the wait within `ms`, jittered; once, however many ask for it. */
  hurry(ms: number): void {
    if (this.#hurried) return;
    this.#hurried = true;
    const skip = this.#skip;
    setTimeout(() => skip.abort(), this.#random() * ms).unref();
  }
}
