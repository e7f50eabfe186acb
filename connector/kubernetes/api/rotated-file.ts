/** A file that another program replaces now and then: a token, a certificate. */
import { readFile } from "node:fs/promises";

/** Age at which the file is read again, ms: tokens of ten minutes exist. */
const MAX_AGE = 60_000;

export class RotatedFile {
  readonly #path: string;
  readonly #now: () => number;
  #text = "";
  #readAt = Number.NEGATIVE_INFINITY;

  /** @param now a clock that never goes back, ms */
  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#now = now;
  }

  /** @throws Error when the file cannot be read and never was */
  async text(): Promise<string> {
    if (this.#now() - this.#readAt < MAX_AGE) return this.#text;
    try {
      this.#text = (await readFile(this.#path, "utf8")).trim();
      this.#readAt = this.#now();
    } catch (error) {
      // What was read may still be good, and the server says when it is not.
      if (this.#text === "") throw error;
    }
    return this.#text;
  }

  /** What was read is of no use: the next call reads the file. */
  outdated(): void {
    this.#readAt = Number.NEGATIVE_INFINITY;
  }
}

/** A text that was given, or the file that it is in. */
export type TextSource = string | RotatedFile;

export const readText = async (source: TextSource): Promise<string> =>
  typeof source === "string" ? source : await source.text();
