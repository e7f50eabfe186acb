/** The processor cost of work relative to a control, which a busy machine slows alike. */

/** Runs of work and control. The cheapest of each counts. */
const RUNS = 3;

/** Measures the processor time of this process for `work`, ms. */
function cpuTime(work: () => void): number {
  const begin = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1000;
}

/** Returns the ratio of the processor times of `work` and `control`, which run in turns. */
export function costRatio(work: () => void, control: () => void): number {
  let [most, least] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let run = 0; run < RUNS; run++) {
    least = Math.min(least, cpuTime(control));
    most = Math.min(most, cpuTime(work));
  }
  // Some kernels count processor time in ticks.
  return most / Math.max(least, 1);
}
