/** Statistics of the bench. */

/** Returns the median of the figures, or NaN for none. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}

/** Returns the quantile `share` (0 to 1) of sorted figures by nearest rank, or NaN for none. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const rank = Math.min(sorted.length, Math.max(1, Math.ceil(sorted.length * share)));
  return sorted[rank - 1] ?? Number.NaN;
}

/** Returns the ratio, or null if a figure is missing or zero. */
export function ratio(figure: number | undefined, against: number | undefined): number | null {
  if (figure === undefined || against === undefined) return null;
  const value = figure / against;
  return Number.isFinite(value) ? value : null;
}

/** Rotates the items by the round, so that no item is always the first after a pause. */
export function rotated<T>(items: readonly T[], by: number): T[] {
  const from = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(from), ...items.slice(0, from)];
}
