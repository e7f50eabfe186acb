/** Says on a terminal what a command waits for, once that has taken a second. */

import type { Waiting } from "../../async/waiting.ts";

/** Time before a line is written, ms. */
const PATIENCE_MS = 1000;

export class Progress {
  readonly #write: ((line: string) => void) | null;
  readonly #written = new Set<string>();

  /** @param write takes a line; null where nothing is shown: without a terminal, and with --json */
  constructor(write: ((line: string) => void) | null) {
    this.#write = write;
  }

  /**
   * Does the work, and writes the line once if the work takes longer than a second.
   * @param line a sentence that says what is waited for
   */
  readonly during: Waiting = async (line, work) => {
    const write = this.#write;
    if (write === null || this.#written.has(line)) return await work();
    const timer = setTimeout(() => {
      if (this.#written.has(line)) return;
      this.#written.add(line);
      write(line);
    }, PATIENCE_MS);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
    }
  };
}
