/**
 * The turns of a service's instances: start-time fair queueing with one unit of work for each request. Every instance
 * gets turns in proportion to its weight, in an order without bursts. Equal weights share any number of requests to
 * within one.
 */

/** The turns of one instance. */
export interface InstanceTurns {
  /** When its last turn began, in virtual time; before the first, minus infinity. */
  last: number;
}

export class Turns {
  /** Virtual time: when the last turn of any instance began. */
  #now = 0;

  /** Makes the turns of an instance that has had none. Its first turn is due at once, and no earlier. */
  static none(): InstanceTurns {
    return { last: Number.NEGATIVE_INFINITY };
  }

  /**
   * When the instance's next turn begins, in virtual time; the lowest is the next to be served. A weight of 0 counts
   * as 1. Another weight applies at once. An instance that was left out for a while does not catch up.
   */
  next({ last }: InstanceTurns, weight: number): number {
    return Math.max(this.#now, last + 1 / Math.max(1, weight));
  }

  /** Gives the instance its turn. */
  take(instance: InstanceTurns, weight: number): void {
    instance.last = this.next(instance, weight);
    this.#now = Math.max(this.#now, instance.last);
  }
}
