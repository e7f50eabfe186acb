/** Numbers and lists of things in words. */

/** `1 site`, `2 sites`. */
export const count = (number: number, thing: string) => `${number} ${thing}${number === 1 ? "" : "s"}`;

/** Most names that one sentence lists. */
const MOST_NAMES = 8;

/** `a, b`, or `a, b, … and 3 more` for a long list. */
export function names(all: readonly string[]): string {
  if (all.length <= MOST_NAMES) return all.join(", ");
  return `${all.slice(0, MOST_NAMES).join(", ")} and ${all.length - MOST_NAMES} more`;
}
