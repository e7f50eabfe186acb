/** A part of the connector that does something by itself, and so has to be started and stopped. */
export interface Part {
  /** Begins its work. Called once, after all parts were built. */
  start?(): void;
  /** Takes nothing new on. Resolves when the work in progress is done, or after `ms`. */
  drain?(ms: number): Promise<void> | void;
  /** Ends its work at once. Can be called without {@link drain}, and without {@link start}. */
  close?(): Promise<void> | void;
}

/** Parts in the order in which they were built: each may use those before it. They stop in reverse. */
export class PartList {
  readonly #parts: readonly Part[];

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  start(): void {
    for (const part of this.#parts) part.start?.();
  }

  async drain(ms: number): Promise<void> {
    await Promise.all(this.#parts.toReversed().map(async (part) => await part.drain?.(ms)));
  }

  /** Begins to close every part, also when one fails, and waits for all of them. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#parts.toReversed().map(async (part) => await part.close?.()));
  }
}
