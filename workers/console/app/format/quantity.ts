/** Quantities for people. */

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"] as const;
const COUNT_UNITS = ["", "k", "M", "G", "T"] as const;

/** Three significant digits at most, without zeros at the end. */
function digits(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return String(Number(value.toPrecision(value >= 10 ? 3 : 2)));
}

function scaled(value: number, units: readonly string[]): { text: string; unit: string } {
  let rest = value;
  let step = 0;
  while (rest >= 999.5 && step < units.length - 1) {
    rest /= 1000;
    step += 1;
  }
  return { text: digits(rest), unit: units[step] ?? "" };
}

/** An amount of bytes, such as "12.5 MB". */
export function bytesText(bytes: number): string {
  const { text, unit } = scaled(bytes, BYTE_UNITS);
  return `${text} ${unit}`;
}

/** A count, such as "1.2k"; exact below a thousand. */
export function countText(count: number): string {
  const { text, unit } = scaled(count, COUNT_UNITS);
  return `${text}${unit}`;
}

/** A rate of bytes, such as "12.5 MB/s". */
export const byteRateText = (perSecond: number): string => `${bytesText(perSecond)}/s`;

/** A rate, such as "1.2k/s". */
export const rateText = (perSecond: number): string => `${countText(perSecond)}/s`;

/** A rate with its noun, such as "1.2k requests/s". */
export const ratedText = (perSecond: number, noun: string): string => `${countText(perSecond)} ${noun}/s`;

/** A share of failures, such as "2 % failed". */
export function failedText(share: number): string {
  if (share > 0.995) return "all failed";
  return share < 0.01 ? "< 1 % failed" : `${Math.round(share * 100)} % failed`;
}

/** A latency, ms, such as "0.84 ms", "7.0 ms", "27 ms" or "1.5 s": columns of latencies have the same digits. */
export function latencyText(ms: number): string {
  if (ms >= 999.5) return `${measuredText(ms / 1000)} s`;
  if (ms < 1) return `${digits(ms)} ms`;
  return `${measuredText(ms)} ms`;
}

/** One digit after the point below 10, none above. */
const measuredText = (value: number): string => value.toFixed(value < 9.95 ? 1 : 0);

/** An exact count, with its thousands apart, such as "10,000". */
export const exactText = (count: number): string => count.toLocaleString("en");

/** A count with its noun: "1 site", "3 sites". */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
