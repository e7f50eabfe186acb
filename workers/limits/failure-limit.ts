/**
 * A limit on failed attempts of each client, which does not lock out clients that share an address. A
 * credential that was valid recently has a count of its own. Unknown credentials keep a few attempts, so that
 * a valid credential becomes known.
 */
import { type BucketOptions, TokenBuckets } from "./token-buckets.ts";

export interface FailureLimitOptions {
  /** Failures of a client. */
  readonly failures: BucketOptions;
  /** Attempts with unknown credentials that a client has after its failures are used up. */
  readonly attempts: BucketOptions;
}

/** How long a credential counts as valid after a success, ms. It is still verified each time. */
const VALID_MS = 10 * 60_000;
/** Most valid credentials in the table. */
const MAX_CREDENTIALS = 10_000;

export class FailureLimit {
  readonly #failures: TokenBuckets;
  readonly #attempts: TokenBuckets;
  /** End of validity, ms, by credential; least recently used first. */
  readonly #validUntil = new Map<string, number>();

  constructor(options: FailureLimitOptions) {
    this.#failures = new TokenBuckets(options.failures);
    this.#attempts = new TokenBuckets(options.attempts);
  }

  /**
   * Admits an attempt, or says how long the client must wait. Takes an attempt when the failures are used up.
   *
   * @param credential a hash of the credential; null when it proves nothing by itself
   * @returns 0, or the ms to wait
   */
  admit(client: string, credential: string | null, now: number): number {
    const counted = this.#counted(client, credential, now);
    return this.#failures.wait(counted, now) === 0 ? 0 : this.#attempts.take(counted, now);
  }

  /**
   * Counts a failure.
   * @returns 0, or the ms to wait when the failures were used up before
   */
  failed(client: string, credential: string | null, now: number): number {
    return this.#failures.take(this.#counted(client, credential, now), now);
  }

  /** The key of the count: a valid credential, else the client. */
  #counted(client: string, credential: string | null, now: number): string {
    return credential !== null && (this.#validUntil.get(credential) ?? 0) > now ? credential : client;
  }

  /** Notes that a credential is valid. */
  succeeded(credential: string | null, now: number): void {
    if (credential === null) return;
    this.#validUntil.delete(credential);
    this.#validUntil.set(credential, now + VALID_MS);
    if (this.#validUntil.size <= MAX_CREDENTIALS) return;
    const [oldest] = this.#validUntil.keys();
    if (oldest !== undefined) this.#validUntil.delete(oldest);
  }
}
