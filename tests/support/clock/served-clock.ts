/**
 * Time as this process is served: it stands still while the machine runs others. For bounds on how soon something
 * happens in this process: on a busy machine the same work takes longer, and as long by this clock.
 */

/** A tick; a late one is not made up for. ms */
const TICK_MS = 10;

export class ServedClock implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #ticks = 0;

  constructor() {
    this.#timer = setInterval(() => {
      this.#ticks += 1;
    }, TICK_MS);
  }

  /** Since it was made; never ahead of the time that passed. ms */
  get ms(): number {
    return this.#ticks * TICK_MS;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
