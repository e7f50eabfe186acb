/** What an object can set about its exposure, from whichever annotation. */

/** Each is the last part of Fairlead's annotation, too. */
export const SETTINGS = [
  "expose",
  "address",
  "port",
  "protocol",
  "to",
  "headless",
  "balance",
  "health",
] as const;
export type SettingName = (typeof SETTINGS)[number];

/** A value, and the annotation that it came from, so that a Warning names what its reader wrote. */
export interface Setting {
  readonly annotation: string;
  readonly value: string;
}

export type Settings = Partial<Record<SettingName, Setting>>;

/** The most characters of a value that a Warning repeats: what to do comes after it, and a note has an end. */
const MAX_QUOTED = 80;

/** A value in quotation marks, for a Warning. */
export const quoted = (value: string): string =>
  value.length <= MAX_QUOTED ? `"${value}"` : `"${value.slice(0, MAX_QUOTED)}…"`;
