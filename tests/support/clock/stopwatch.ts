/** Times from one moment on, of several things that are waited for at once. */

export class Stopwatch {
  #begin = performance.now();
  readonly #times = new Map<string, number>();

  /** From here on. */
  start(): void {
    this.#begin = performance.now();
  }

  /** Notes when a promise resolves. */
  async when<T>(what: string, happens: Promise<T>): Promise<T> {
    const value = await happens;
    this.#times.set(what, performance.now() - this.#begin);
    return value;
  }

  /** ms */
  get times(): ReadonlyMap<string, number> {
    return this.#times;
  }
}

/** Rows of times, one for each stopwatch, as a table with these columns. */
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
