/** The last lines of a log, kept in memory for `fairlead debug dump`. */

/** The most lines, and their characters in all. */
const LINES = 2000;
const CHARACTERS = 1_000_000;

export class LogRing {
  readonly #lines: string[] = [];
  #characters = 0;

  /** Keeps a line, and drops the oldest lines beyond the limits. */
  write(line: string): void {
    this.#lines.push(line);
    this.#characters += line.length;
    while (this.#lines.length > LINES || (this.#characters > CHARACTERS && this.#lines.length > 1))
      this.#characters -= this.#lines.shift()?.length ?? 0;
  }

  /** The lines, oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }
}
