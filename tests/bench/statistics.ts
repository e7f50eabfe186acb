/** The arithmetic of the bench. */

/** The middle of the figures; of an even count, the mean of the middle two. NaN of none. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}

/** The value that `share` (0 to 1) of the sorted figures do not exceed; nearest rank. NaN of none. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const rank = Math.min(sorted.length, Math.max(1, Math.ceil(sorted.length * share)));
  return sorted[rank - 1] ?? Number.NaN;
}

/** Null where one of the two is missing, or nothing was measured. */
export function ratio(figure: number | undefined, against: number | undefined): number | null {
  if (figure === undefined || against === undefined) return null;
  const value = figure / against;
  return Number.isFinite(value) ? value : null;
}

/** The items, beginning with another one each round: nobody is always first after a pause. */
export function rotated<T>(items: readonly T[], by: number): T[] {
  const from = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(from), ...items.slice(0, from)];
}
