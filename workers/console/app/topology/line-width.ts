/** How wide lines with traffic are. */

/** The width of a line, px: 1.5 up to 100 B/s, 0.7 more for each tenfold rate, and at most 6. */
export function widthFor(bytesPerSecond: number): number {
  return bytesPerSecond <= 100 ? 1.5 : Math.min(6, 1.5 + 0.7 * (Math.log10(bytesPerSecond) - 2));
}
