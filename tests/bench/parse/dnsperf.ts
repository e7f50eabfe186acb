/** The output of dnsperf, with `-v` for the times. */
import { percentile } from "../statistics.ts";

/** @throws Error when there was no answer, or too many queries were lost. `p99` is NaN without `-v`, ms */
export function parseDnsperf(output: string): {
  answers: number;
  perSecond: number;
  failed: number;
  p99: number;
} {
  const figure = (name: string) => {
    const text = new RegExp(`^ *${name}: +([\\d.]+)`, "m").exec(output)?.[1];
    return text === undefined ? null : Number(text);
  };
  const [sent, answers, perSecond] = ["Queries sent", "Queries completed", "Queries per second"].map(figure);
  if (sent == null || answers == null || perSecond == null) {
    throw new Error(`dnsperf printed no result:\n${output}`);
  }
  if (answers === 0) throw new Error("dnsperf got no answer.");
  const good = Number(/^ *Response codes:.*NOERROR (\d+)/m.exec(output)?.[1] ?? 0);
  const times = [...output.matchAll(/^> NOERROR \S+ \S+ ([\d.]+)$/gm)].map(
    ([, seconds]) => Number(seconds) * 1000,
  );
  const p99 = percentile(Float64Array.from(times).sort(), 0.99);
  return { answers: good, perSecond, failed: sent - good, p99 };
}
