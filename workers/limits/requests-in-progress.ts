/** Counts the requests in progress of each client in one isolate. The table holds no client without one. */
export class RequestsInProgress {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  /** @param most requests of one client at once */
  constructor(most: number) {
    this.#most = most;
  }

  /** Runs a request; null for a client that has too many in progress. */
  async run<T>(client: string, request: () => Promise<T>): Promise<T | null> {
    const count = this.#counts.get(client) ?? 0;
    if (count >= this.#most) return null;
    this.#counts.set(client, count + 1);
    try {
      return await request();
    } finally {
      const left = (this.#counts.get(client) ?? 1) - 1;
      if (left === 0) this.#counts.delete(client);
      else this.#counts.set(client, left);
    }
  }
}
