/** Bounds on how soon something happens, where that is the point: as promised, or as a control says of this machine now. */

/** How long `work` takes, ms. */
export async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/**
 * The promise, ms; on a machine that is busy, `times` what `control` takes there, the slowest of three.
 * At rest the promise is the larger: choose `times` so.
 */
export async function boundOf(
  promise: number,
  { times, control }: { readonly times: number; readonly control: () => Promise<unknown> },
): Promise<number> {
  let slowest = 0;
  for (let run = 0; run < 3; run++) slowest = Math.max(slowest, await timeOf(control));
  return Math.max(promise, times * slowest);
}
