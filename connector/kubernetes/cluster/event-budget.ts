/** How many Events may tell of one object: client-go's figures, 25 at once and then one in five minutes. */

const BURST = 25;
/** Time after which one more Event is allowed, ms. */
const REFILL = 300_000;
/** Most objects that are counted; the one that was quiet longest is forgotten. */
const MAX_OBJECTS = 4096;

interface Bucket {
  readonly tokens: number;
  /** When there were as many. */
  readonly at: number;
}

export class EventBudget {
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** @param now a clock that never goes back, ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes one Event of an object's budget. False: none is left. */
  take(object: string): boolean {
    const now = this.#now();
    const { tokens: before, at } = this.#buckets.get(object) ?? { tokens: BURST, at: now };
    const tokens = Math.min(BURST, before + (now - at) / REFILL);
    const isLeft = tokens >= 1;
    this.#buckets.delete(object);
    this.#buckets.set(object, { tokens: isLeft ? tokens - 1 : tokens, at: now });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_OBJECTS && oldest !== undefined) this.#buckets.delete(oldest);
    return isLeft;
  }
}
