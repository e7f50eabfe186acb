/** Durations as people write them (`90s`, `15m`, `2h`, `1d`, `1h30m`), and times as people read them. */
import { FairleadError } from "../../../protocol/errors.ts";

const SECONDS = { d: 86_400, h: 3600, m: 60, s: 1 } as const;
const FORM = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/;

/**
 * Seconds in a duration.
 * @throws FairleadError `request.invalid` when it has another form or is zero.
 */
export function parseDuration(text: string): number {
  const match = FORM.exec(text);
  const [days, hours, minutes, seconds] = (match ?? []).slice(1).map((part) => Number(part ?? 0));
  const total =
    (days ?? 0) * SECONDS.d + (hours ?? 0) * SECONDS.h + (minutes ?? 0) * SECONDS.m + (seconds ?? 0);
  if (total > 0) return total;
  throw new FairleadError("request.invalid", `"${text}" is no duration; write it like 90s, 15m, 2h or 1d`);
}

/** A duration in the form {@link parseDuration} reads, by its two largest units. */
export function formatDuration(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [unit, size] of Object.entries(SECONDS)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
  }
  return parts.slice(0, 2).join("") || "0s";
}

/** An ISO time as seen at `now` (ms): `3m20s ago`, `in 14m`. */
export function relativeTime(iso: string, now: number): string {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  if (Math.abs(seconds) < 1) return "now";
  return seconds < 0 ? `${formatDuration(-seconds)} ago` : `in ${formatDuration(seconds)}`;
}
