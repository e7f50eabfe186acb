/**
 * Networks that exist, cached for some seconds, so that many reconnecting sites cause one look-up in the
 * directory.
 */

/** How long a look-up is cached, ms. The registry of a deleted network refuses by itself. */
const BELIEVED_MS = 5_000;
/** Most networks in the table; a full table is emptied. */
const REMEMBERED = 1_000;

export class KnownNetworks {
  /** End of the cached look-up, ms, by network. */
  readonly #until = new Map<string, number>();

  /**
   * Whether a network exists. Calls `ask` when the answer is not cached; only a positive answer is cached.
   */
  async has(id: string, now: number, ask: () => Promise<boolean>): Promise<boolean> {
    if ((this.#until.get(id) ?? 0) > now) return true;
    this.#until.delete(id);
    if (!(await ask())) return false;
    if (this.#until.size >= REMEMBERED) this.#until.clear();
    this.#until.set(id, now + BELIEVED_MS);
    return true;
  }
}
