/** Token buckets, one per client, in a bounded table: a rate limit of one isolate. The clock is passed in. */

export interface BucketOptions {
  /** How many in a burst. */
  readonly burst: number;
  readonly perSecond: number;
  /** How many clients are remembered. */
  readonly clients: number;
}

interface Bucket {
  level: number;
  at: number;
}

export class TokenBuckets {
  readonly #options: BucketOptions;
  /** In order of last use, oldest first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: BucketOptions) {
    this.#options = options;
  }

  /** Clients remembered at the moment. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one if there is one. @returns 0, or the ms to wait until there is one */
  take(client: string, now: number): number {
    const wait = this.wait(client, now);
    if (wait === 0) this.#store(client, { level: this.#level(client, now) - 1, at: now });
    return wait;
  }

  /** Takes nothing. @returns 0 when one could be taken now, otherwise the ms to wait */
  wait(client: string, now: number): number {
    const level = this.#level(client, now);
    return level >= 1 ? 0 : Math.ceil(((1 - level) / this.#options.perSecond) * 1000);
  }

  #level(client: string, now: number): number {
    const bucket = this.#buckets.get(client);
    if (bucket === undefined) return this.#options.burst;
    const gained = (Math.max(0, now - bucket.at) / 1000) * this.#options.perSecond;
    return Math.min(this.#options.burst, bucket.level + gained);
  }

  /** Whoever was not seen for longest is forgotten, which can only be to his favour. */
  #store(client: string, bucket: Bucket): void {
    this.#buckets.delete(client);
    this.#buckets.set(client, bucket);
    if (this.#buckets.size <= this.#options.clients) return;
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}
