/**
 * A clock that counts only the time in which this process runs. Bounds by this clock hold on a busy machine, where the
 * same work takes longer by the wall clock.
 */

/** Length of a tick, ms. A late tick is not made up for. */
const TICK_MS = 10;

export class ServedClock implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #ticks = 0;

  constructor() {
    this.#timer = setInterval(() => {
      this.#ticks += 1;
    }, TICK_MS);
  }

  /** Time since the start of the clock, ms; never ahead of the wall clock. */
  get ms(): number {
    return this.#ticks * TICK_MS;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
