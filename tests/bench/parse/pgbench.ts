/** The output of pgbench. */

export interface Transactions {
  readonly perSecond: number;
  /** Mean latency, ms. */
  readonly latency: number;
  readonly transactions: number;
  readonly failed: number;
}

/** @throws Error when a figure is missing */
export function parsePgbench(output: string): Transactions {
  const figure = (pattern: RegExp, what: string): number => {
    const found = pattern.exec(output)?.[1];
    if (found === undefined) throw new Error(`pgbench printed no ${what}:\n${output}`);
    return Number(found);
  };
  return {
    perSecond: figure(/^tps = ([\d.]+) \(without initial connection time\)$/m, "tps"),
    latency: figure(/^latency average = ([\d.]+) ms$/m, "latency"),
    transactions: figure(/^number of transactions actually processed: (\d+)/m, "count"),
    failed: Number(/^number of failed transactions: (\d+)/m.exec(output)?.[1] ?? 0),
  };
}
