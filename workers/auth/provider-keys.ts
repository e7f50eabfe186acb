/**
 * The signing keys of a provider, cached in an isolate. jose's remote key set (6.2, November 2026) asks an
 * unreachable provider again for every request, waits for each timeout, and drops keys that were valid. In
 * Workers, a fetch that one request started may never resolve for another, so requests share fetched keys and
 * never a fetch in flight.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import * as z from "zod";
import { FairleadError } from "../../protocol/errors.ts";
import { discover, FETCH_MS, type Fetch, fetchDocument } from "./provider-document.ts";

/** Ages and waits of the provider's keys, ms. */
export const KEY_TIMES = {
  /** Keys that are this old are fetched again. */
  fresh: 10 * 60_000,
  /** Keys up to this age are used while the provider cannot be reached. */
  stale: 60 * 60_000,
  /** A token with an unknown key causes a fetch when the keys are older than this. */
  unknownKey: 30_000,
  /** Pause after a failed fetch. */
  retry: 10_000,
  /** Time limit of a fetch. */
  timeout: FETCH_MS,
} as const;

const KeySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });

export interface KeysOptions {
  readonly issuer: string;
  /** URL of the keys; null to ask the issuer's discovery document. */
  readonly jwks: string | null;
  readonly fetch?: Fetch;
  /** ms since 1970 */
  readonly now?: () => number;
}

interface CachedKeys {
  readonly find: JWTVerifyGetKey;
  /** When the keys were fetched, ms since 1970. */
  readonly at: number;
}

/** Fetches and caches the signing keys of one provider. */
export class ProviderKeys {
  readonly #options: KeysOptions;
  readonly #fetch: Fetch;
  readonly #now: () => number;
  #cached: CachedKeys | null = null;
  #failedAt = Number.NEGATIVE_INFINITY;
  /** When the last fetch began, ms since 1970. The request that began it may never finish it. */
  #fetchBeganAt = Number.NEGATIVE_INFINITY;

  constructor(options: KeysOptions) {
    this.#options = options;
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
    this.#now = options.now ?? Date.now;
  }

  /**
   * Finds the key of a token for jose.
   * @throws FairleadError oidc.unreachable; jose's error for an unknown key
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const cached = await this.#current();
    try {
      return await cached.find(header, token);
    } catch (thrown) {
      const unknown = thrown instanceof errors.JWKSNoMatchingKey;
      if (!unknown || this.#now() - cached.at < KEY_TIMES.unknownKey) throw thrown;
    }
    return (await this.#refresh()).find(header, token);
  };

  /** The keys to use now, fetched again when they are too old. */
  async #current(): Promise<CachedKeys> {
    const cached = this.#cached;
    if (cached === null) return this.#refresh();
    const now = this.#now();
    const age = now - cached.at;
    if (age < KEY_TIMES.fresh) return cached;
    if (age < KEY_TIMES.stale && now - this.#fetchBeganAt < KEY_TIMES.timeout) return cached;
    try {
      return await this.#refresh();
    } catch (thrown) {
      if (age < KEY_TIMES.stale) return cached;
      throw thrown;
    }
  }

  async #refresh(): Promise<CachedKeys> {
    const began = this.#now();
    if (began - this.#failedAt < KEY_TIMES.retry) throw new FairleadError("oidc.unreachable");
    this.#fetchBeganAt = began;
    try {
      const find = createLocalJWKSet((await this.#fetchKeys()) as JSONWebKeySet);
      const cached = { find, at: this.#now() };
      this.#cached = cached;
      return cached;
    } catch (cause) {
      this.#failedAt = this.#now();
      console.warn(JSON.stringify({ level: "warn", code: "oidc.unreachable", cause: String(cause) }));
      throw new FairleadError("oidc.unreachable", undefined, { cause });
    } finally {
      this.#fetchBeganAt = Number.NEGATIVE_INFINITY;
    }
  }

  async #fetchKeys(): Promise<z.infer<typeof KeySet>> {
    const { issuer, jwks } = this.#options;
    const url = jwks ?? (await discover(this.#fetch, issuer)).jwks_uri;
    return KeySet.parse(await fetchDocument(this.#fetch, url));
  }
}
