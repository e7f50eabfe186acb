/** Times and durations for people, in the zone and language of the browser. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A duration with its two largest units at most, such as "3 h 12 min". Below a minute, whole seconds. */
export function durationText(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < MINUTE) return `${Math.floor(whole / 1000)} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
  if (whole < DAY) return pair(whole, HOUR, "h", MINUTE, "min");
  return pair(whole, DAY, "d", HOUR, "h");
}

function pair(ms: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const first = Math.floor(ms / large);
  const rest = Math.floor((ms % large) / small);
  return rest === 0 ? `${first} ${largeUnit}` : `${first} ${largeUnit} ${rest} ${smallUnit}`;
}

/** How long ago a point in time was, or how far ahead it is. Within ten seconds it is "just now". */
export function relativeText(at: number, now: number): string {
  const ms = now - at;
  if (Math.abs(ms) < 10_000) return "just now";
  return ms > 0 ? `${roundedDuration(ms)} ago` : `in ${roundedDuration(-ms)}`;
}

/** A duration with its largest unit alone; seconds in steps of five. */
function roundedDuration(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / 5000) * 5} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

/** A point in time with its date, to the second, with the zone. */
export function absoluteText(at: number): string {
  return new Intl.DateTimeFormat(undefined, {
    dateStyle: "medium",
    timeStyle: "long",
  }).format(at);
}

/** The time of day, to the second. */
export function clockText(at: number): string {
  return new Intl.DateTimeFormat(undefined, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).format(at);
}

/** The time of day to the minute; with its date if it is not of the last 20 hours. */
export function shortTimeText(at: number, now = Date.now()): string {
  const isRecent = Math.abs(now - at) < 20 * HOUR;
  return new Intl.DateTimeFormat(undefined, {
    ...(isRecent ? {} : { day: "numeric", month: "short" }),
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).format(at);
}
