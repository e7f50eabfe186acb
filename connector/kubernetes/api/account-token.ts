/** Tokens by which the API server knows an account. */
import type { TokenSource } from "./api-client.ts";
import { RotatedFile } from "./rotated-file.ts";

/** The token in a file. The kubelet writes a new one well before the old one ends. */
export class AccountToken implements TokenSource {
  readonly #file: RotatedFile;

  /** @param now a clock that never goes back, ms */
  constructor(path: string, now: () => number) {
    this.#file = new RotatedFile(path, now);
  }

  /** @throws Error when the file cannot be read and no token was read before */
  async token(): Promise<string> {
    return await this.#file.text();
  }

  refused(): void {
    this.#file.outdated();
  }
}

/** A token that never changes; null where a client certificate says who asks. */
export const fixedToken = (token: string | null): TokenSource => ({
  token: () => Promise.resolve(token),
  refused: () => undefined,
});
