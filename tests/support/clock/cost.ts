/** The processor cost of work relative to a control, which a busy machine slows alike. */

/** Least and most runs of work and control. The cheapest of each counts: what disturbs a run only adds to its cost. */
const RUNS = { least: 3, most: 20 } as const;

/** Measures the processor time of this process for `work`, ms. */
function cpuTime(work: () => void): number {
  const begin = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1000;
}

/** Returns the ratio of the processor times of `work` and `control`, which run in turns until it is below `bound`. */
export function costRatio(
  work: () => void,
  control: () => void,
  { bound }: { readonly bound: number },
): number {
  let [most, least] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  // Some kernels count processor time in ticks.
  const ratio = () => most / Math.max(least, 1);
  for (let run = 0; run < RUNS.least || (run < RUNS.most && ratio() >= bound); run++) {
    least = Math.min(least, cpuTime(control));
    most = Math.min(most, cpuTime(work));
  }
  return ratio();
}
