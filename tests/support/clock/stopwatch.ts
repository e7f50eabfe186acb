/** A stopwatch for several events that are awaited at once. */

export class Stopwatch {
  #begin = performance.now();
  readonly #times = new Map<string, number>();

  /** Starts the measurement. */
  start(): void {
    this.#begin = performance.now();
  }

  /** Records when a promise resolves. */
  async when<T>(what: string, happens: Promise<T>): Promise<T> {
    const value = await happens;
    this.#times.set(what, performance.now() - this.#begin);
    return value;
  }

  /** Records the time that a promise resolves with, by `performance.now`; 0 if it is before the start. */
  async at(what: string, time: Promise<number>): Promise<void> {
    this.#times.set(what, Math.max(0, (await time) - this.#begin));
  }

  /** Recorded times by event, ms. */
  get times(): ReadonlyMap<string, number> {
    return this.#times;
  }
}

/** Formats the times of several stopwatches as a Markdown table with these columns. */
export function tableOf(
  columns: readonly string[],
  rows: ReadonlyMap<string, ReadonlyMap<string, number>>,
): string {
  const cells = [...rows].map(([name, times]) => [
    name,
    ...columns.map((column) => {
      const ms = times.get(column);
      return ms === undefined ? "–" : `${Math.round(ms)} ms`;
    }),
  ]);
  const lines = [["", ...columns], ["---", ...columns.map(() => "---:")], ...cells];
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}
