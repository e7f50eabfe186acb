/** Durations as people write them: `90s`, `15m`, `2h`, `1d`, `1h30m`. */
import { FairleadError } from "../../protocol/errors.ts";

/** Units of a duration, in seconds, largest first. */
export const DURATION_UNITS = { d: 86_400, h: 3600, m: 60, s: 1 } as const;

/** The form of a duration, as a regular expression. */
export const DURATION_PATTERN = "^([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$";

const FORM = new RegExp(DURATION_PATTERN);

/**
 * Parses a duration. Returns seconds.
 * @throws FairleadError `request.invalid` when the text has another form or the duration is zero.
 */
export function parseDuration(text: string): number {
  const parts = FORM.exec(text)?.slice(1) ?? [];
  const seconds = Object.values(DURATION_UNITS).map(
    (unit, at) => Number.parseInt(parts[at] ?? "0", 10) * unit,
  );
  const total = seconds.reduce((sum, each) => sum + each, 0);
  if (total > 0) return total;
  throw new FairleadError("request.invalid", `"${text}" is not a duration such as 90s, 15m, 2h or 1d.`);
}

/** Milliseconds of a number of seconds; null and undefined stay. */
export function toMilliseconds<T extends null | undefined>(seconds: number | T): number | T {
  return typeof seconds === "number" ? seconds * 1000 : seconds;
}
