/** Counts of bytes, for people. */

const UNITS = ["B", "KB", "MB", "GB", "TB"] as const;

/** `512 B`, `1.2 KB`, `34 MB`: thousands, as networks count. */
export function byteCount(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const text = unit > 0 && value < 10 ? value.toFixed(1) : String(Math.round(value));
  return `${text} ${UNITS[unit]}`;
}
