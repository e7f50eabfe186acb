/**
 * Limits the failed attempts of a client, and not those who share its address: a credential that was good a moment ago
 * is counted by itself, and others still get a few attempts, so that one which is good becomes known as such.
 */
import { type BucketOptions, TokenBuckets } from "./token-buckets.ts";

export interface FailureLimitOptions {
  /** How many failures a client may have. */
  readonly failures: BucketOptions;
  /** How many attempts with unknown credentials a client has after that. */
  readonly attempts: BucketOptions;
}

/** How long a credential counts as good after it was, ms. It is verified each time all the same. */
const GOOD_MS = 10 * 60_000;
const REMEMBERED = 10_000;

export class FailureLimit {
  readonly #failures: TokenBuckets;
  readonly #attempts: TokenBuckets;
  /** Until when, ms; in order of last use, oldest first. */
  readonly #good = new Map<string, number>();

  constructor(options: FailureLimitOptions) {
    this.#failures = new TokenBuckets(options.failures);
    this.#attempts = new TokenBuckets(options.attempts);
  }

  /**
   * Whether an attempt may be looked at; takes one where there were too many failures.
   *
   * @param credential a hash of what is presented; null when that proves nothing by itself
   * @returns 0, or the ms to wait
   */
  admit(client: string, credential: string | null, now: number): number {
    const counted = this.#counted(client, credential, now);
    return this.#failures.wait(counted, now) === 0 ? 0 : this.#attempts.take(counted, now);
  }

  /** Counts a failure. @returns 0, or the ms to wait where there had been too many before */
  failed(client: string, credential: string | null, now: number): number {
    return this.#failures.take(this.#counted(client, credential, now), now);
  }

  /** Whose failures count: the good credential's own, the client's otherwise. */
  #counted(client: string, credential: string | null, now: number): string {
    return credential !== null && (this.#good.get(credential) ?? 0) > now ? credential : client;
  }

  succeeded(credential: string | null, now: number): void {
    if (credential === null) return;
    this.#good.delete(credential);
    this.#good.set(credential, now + GOOD_MS);
    if (this.#good.size <= REMEMBERED) return;
    const [oldest] = this.#good.keys();
    if (oldest !== undefined) this.#good.delete(oldest);
  }
}
