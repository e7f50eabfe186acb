/** What work costs the processor, compared with other work: a busy machine slows both alike. */

/** Runs of each; the cheapest counts, as nothing else disturbed it. */
const RUNS = 3;

/** Processor time of this process for `work`, ms; what other processes take does not count. */
function cpuTime(work: () => void): number {
  const begin = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1000;
}

/** How many times as much processor time `work` takes as `control`, both run in turns. */
export function costRatio(work: () => void, control: () => void): number {
  let [most, least] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let run = 0; run < RUNS; run++) {
    least = Math.min(least, cpuTime(control));
    most = Math.min(most, cpuTime(work));
  }
  // The clock counts in steps of some kernels' ticks.
  return most / Math.max(least, 1);
}
