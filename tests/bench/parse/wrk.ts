/** The script for wrk and its output. */
import * as z from "zod";
import type { Requests } from "../measures/measure.ts";

/** Script that prints one line with all figures, because wrk's own report lacks p99.9. Times are in µs. */
export const WRK_SCRIPT = `function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'bench {"requests":%d,"duration":%d,"bytes":%d,"errors":%d,"p50":%d,"p99":%d,"p999":%d}\\n',
    summary.requests, summary.duration, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
`;

const count = z.number().nonnegative();
const Line = z.object({
  requests: count,
  duration: count.positive(),
  bytes: count,
  errors: count,
  p50: count,
  p99: count,
  p999: count,
});

/** Parses the line of the script. @throws Error when it is missing or has no answer */
export function parseWrk(output: string): Requests {
  const text = /^bench (\{.*\})$/m.exec(output)?.[1];
  if (text === undefined) throw new Error(`wrk printed no result:\n${output}`);
  const line = Line.parse(JSON.parse(text));
  if (line.requests === 0) throw new Error("wrk got no answer");
  return {
    requests: line.requests,
    perSecond: line.requests / (line.duration / 1e6),
    errors: line.errors,
    p50: line.p50 / 1000,
    p99: line.p99 / 1000,
    p999: line.p999 / 1000,
  };
}
