/** Numbers and lists of things in words. */

/** `1 site`, `2 sites`. */
export const countOf = (number: number, thing: string): string =>
  `${number} ${thing}${number === 1 ? "" : "s"}`;

/** Most names that one sentence lists. */
const MOST_NAMES = 8;

/** `a`, `a and b`, `a, b and c`, or `a, b, … and 3 more` for a long list. */
export function listOf(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES);
  if (names.length > MOST_NAMES) return `${shown.join(", ")} and ${names.length - MOST_NAMES} more`;
  if (shown.length < 2) return shown.join("");
  return `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}

/** `Site east`, `Sites east and north`: the beginning of a sentence. */
export const sitesOf = (names: readonly string[]): string =>
  `${names.length === 1 ? "Site" : "Sites"} ${listOf(names)}`;

/** `port 80`, `ports 80 and 443`. */
export const portsOf = (ports: readonly number[]): string =>
  `${ports.length === 1 ? "port" : "ports"} ${listOf(ports.map(String))}`;
