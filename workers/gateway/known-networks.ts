/** Which networks exist, remembered for a moment, so that a crowd of reconnecting sites asks once. */

/** How long a network is believed to exist, ms. Its registry knows better: a deleted one refuses by itself. */
const BELIEVED_MS = 5_000;
const REMEMBERED = 1_000;

export class KnownNetworks {
  readonly #until = new Map<string, number>();

  /** Whether a network exists; asks only when that is not known. Only good answers are remembered. */
  async has(id: string, now: number, ask: () => Promise<boolean>): Promise<boolean> {
    if ((this.#until.get(id) ?? 0) > now) return true;
    this.#until.delete(id);
    if (!(await ask())) return false;
    if (this.#until.size >= REMEMBERED) this.#until.clear();
    this.#until.set(id, now + BELIEVED_MS);
    return true;
  }
}
