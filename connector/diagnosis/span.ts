/** Lengths of time and times, as findings show them. */

const UNITS = [
  ["day", 24 * 60 * 60],
  ["hour", 60 * 60],
  ["minute", 60],
  ["second", 1],
] as const;

/** A length of time in its largest unit, such as "3 hours". @param ms not negative */
export function formatSpan(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [unit, size] = UNITS.find(([, each]) => seconds >= 2 * each) ?? (["second", 1] as const);
  const count = Math.round(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** A time to the minute, in UTC. @param at ms since 1970 */
export function formatTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
