/**
 * Limits failed attempts per client without locking out clients that share its address. A credential that was
 * valid recently has a count of its own, and unknown credentials keep a few attempts, so that a valid one
 * becomes known.
 */
import { type BucketOptions, TokenBuckets } from "./token-buckets.ts";

export interface FailureLimitOptions {
  /** Failures of a client. */
  readonly failures: BucketOptions;
  /** Attempts with unknown credentials that a client has after its failures are used up. */
  readonly attempts: BucketOptions;
}

/** How long a credential counts as valid after a success, ms. It is still verified each time. */
const GOOD_MS = 10 * 60_000;
/** Most valid credentials in the table. */
const REMEMBERED = 10_000;

export class FailureLimit {
  readonly #failures: TokenBuckets;
  readonly #attempts: TokenBuckets;
  /** End of validity, ms, by credential; least recently used first. */
  readonly #good = new Map<string, number>();

  constructor(options: FailureLimitOptions) {
    this.#failures = new TokenBuckets(options.failures);
    this.#attempts = new TokenBuckets(options.attempts);
  }

  /**
   * Admits an attempt, or says how long to wait. Takes an attempt when the failures are used up.
   *
   * @param credential a hash of the credential; null when it proves nothing by itself
   * @returns 0, or the ms to wait
   */
  admit(client: string, credential: string | null, now: number): number {
    const counted = this.#counted(client, credential, now);
    return this.#failures.wait(counted, now) === 0 ? 0 : this.#attempts.take(counted, now);
  }

  /** Counts a failure. @returns 0, or the ms to wait when the failures were used up before */
  failed(client: string, credential: string | null, now: number): number {
    return this.#failures.take(this.#counted(client, credential, now), now);
  }

  /** The key of the count: a valid credential, else the client. */
  #counted(client: string, credential: string | null, now: number): string {
    return credential !== null && (this.#good.get(credential) ?? 0) > now ? credential : client;
  }

  /** Notes that a credential is valid. */
  succeeded(credential: string | null, now: number): void {
    if (credential === null) return;
    this.#good.delete(credential);
    this.#good.set(credential, now + GOOD_MS);
    if (this.#good.size <= REMEMBERED) return;
    const [oldest] = this.#good.keys();
    if (oldest !== undefined) this.#good.delete(oldest);
  }
}
