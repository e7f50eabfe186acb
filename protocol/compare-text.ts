/** The order of texts, by UTF-16 code units. It is the same on every machine and in every locale. */

/**
 * Compares two texts: negative when `left` comes first, positive when `right` does, 0 when they are equal.
 */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
