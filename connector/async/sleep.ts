/** A wait that an aborted signal ends early. */

export interface SleepOptions {
  /** Whether the wait keeps the process alive; true unless given. */
  readonly ref?: boolean;
}

/**
 * Resolves after `ms` or when `signal` aborts, with whether the whole time passed.
 *
 * Uses the global timer: vitest 5 fakes it, but not that of `node:timers/promises`.
 */
export async function sleep(
  ms: number,
  signal?: AbortSignal,
  { ref = true }: SleepOptions = {},
): Promise<boolean> {
  if (signal?.aborted) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, ms, true);
  if (!ref) timer.unref();
  const onAbort = (): void => resolve(false);
  signal?.addEventListener("abort", onAbort);
  const slept = await promise;
  clearTimeout(timer);
  signal?.removeEventListener("abort", onAbort);
  return slept;
}
