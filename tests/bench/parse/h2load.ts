/** The output of h2load. */

/** @throws Error when a request failed, or a figure is missing */
export function parseH2load(output: string): { calls: number; perSecond: number; meanMs: number } {
  const rate = /^finished in \S+, ([\d.]+) req\/s/m.exec(output)?.[1];
  const counts = /^requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/m.exec(output);
  const mean = /^time for request: +\S+ +\S+ +([\d.]+)(us|ms|s) /m.exec(output);
  if (rate === undefined || counts === null || mean === null) {
    throw new Error(`h2load printed no result:\n${output}`);
  }
  const [calls = 0, ...bad] = counts.slice(1).map(Number);
  const wrong = bad.reduce((sum, count) => sum + count, 0);
  if (wrong > 0) throw new Error(`${wrong} calls failed.`);
  if (calls === 0) throw new Error("h2load got no answer.");
  const unit = { us: 1e-3, ms: 1, s: 1e3 }[mean[2] as "us" | "ms" | "s"];
  return { calls, perSecond: Number(rate), meanMs: Number(mean[1]) * unit };
}
