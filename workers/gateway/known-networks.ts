/**
 * Networks that exist, cached for some seconds, so that many reconnecting sites cause one look-up in the
 * directory.
 */

/** How long a look-up is cached, ms. The registry of a deleted network refuses by itself. */
const CACHED_MS = 5_000;
/** Most networks in the table; a full table is emptied. */
const MAX_NETWORKS = 1_000;

/** Caches which networks exist. */
export class KnownNetworks {
  /** End of the cached look-up, ms, by network. */
  readonly #until = new Map<string, number>();

  /**
   * Whether a network exists. Calls `lookUp` when the result is not cached. Only a positive result is cached.
   */
  async has(id: string, now: number, lookUp: () => Promise<boolean>): Promise<boolean> {
    if ((this.#until.get(id) ?? 0) > now) return true;
    this.#until.delete(id);
    if (!(await lookUp())) return false;
    if (this.#until.size >= MAX_NETWORKS) this.#until.clear();
    this.#until.set(id, now + CACHED_MS);
    return true;
  }
}
