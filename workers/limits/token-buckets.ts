/**
 * A rate limit of one isolate: token buckets, one for each client, in a bounded table. The clock is passed
 * in.
 */

export interface BucketOptions {
  /** Size of a bucket. */
  readonly burst: number;
  /** Tokens that a bucket gains each second. */
  readonly perSecond: number;
  /** Most clients in the table. */
  readonly clients: number;
}

interface Bucket {
  level: number;
  at: number;
}

export class TokenBuckets {
  readonly #options: BucketOptions;
  /** By client, least recently used first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: BucketOptions) {
    this.#options = options;
  }

  /** Clients in the table. */
  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Takes a token if the bucket has one.
   * @returns 0, or the ms until the bucket has a token
   */
  take(client: string, now: number): number {
    const wait = this.wait(client, now);
    if (wait === 0) this.#store(client, { level: this.#level(client, now) - 1, at: now });
    return wait;
  }

  /** The ms until a client's bucket has a token, 0 when it has one now. Takes no token. */
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

  /**
   * Stores a bucket, and drops the least recently used bucket of a full table. A dropped client starts with a
   * full bucket.
   */
  #store(client: string, bucket: Bucket): void {
    this.#buckets.delete(client);
    this.#buckets.set(client, bucket);
    if (this.#buckets.size <= this.#options.clients) return;
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}
