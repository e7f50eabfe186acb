/** The token of the pod's ServiceAccount. The kubelet writes a new one well before the old one ends. */
import { readFile } from "node:fs/promises";
import type { TokenSource } from "./api-client.ts";

/** Age at which the file is read again, ms: tokens of ten minutes exist. */
const MAX_AGE = 60_000;

export class AccountToken implements TokenSource {
  readonly #path: string;
  readonly #now: () => number;
  #token = "";
  #readAt = Number.NEGATIVE_INFINITY;

  /** @param now a clock that never goes back, ms */
  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#now = now;
  }

  /** @throws Error when the file cannot be read and no token was read before */
  async token(): Promise<string> {
    if (this.#now() - this.#readAt < MAX_AGE) return this.#token;
    try {
      this.#token = (await readFile(this.#path, "utf8")).trim();
      this.#readAt = this.#now();
    } catch (error) {
      // The old token may still be good, and the server says when it is not.
      if (this.#token === "") throw error;
    }
    return this.#token;
  }

  refused(): void {
    this.#readAt = Number.NEGATIVE_INFINITY;
  }
}
