/** Bounds on durations: the promised one, or a multiple of a control on this machine. */

/** Measures how long `work` takes, ms. */
export async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/**
 * Returns the larger of `promise` (ms) and `times` the slowest of three runs of `control`.
 * Choose `times` so that the promise is the larger on an idle machine.
 */
export async function boundOf(
  promise: number,
  { times, control }: { readonly times: number; readonly control: () => Promise<unknown> },
): Promise<number> {
  let slowest = 0;
  for (let run = 0; run < 3; run++) slowest = Math.max(slowest, await timeOf(control));
  return Math.max(promise, times * slowest);
}
