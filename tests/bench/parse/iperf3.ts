/** The output of `iperf3 --json`. */
import * as z from "zod";
import type { Bulk } from "../measures/measure.ts";

const Report = z.object({
  error: z.string().optional(),
  intervals: z.array(z.object({ sum: z.object({ bytes: z.number() }) })).default([]),
  end: z.object({ sum_received: z.object({ bits_per_second: z.number() }).optional() }).default({}),
});

/**
 * Returns the receiver's rate after the warm-up, and all transferred bytes.
 * @throws Error with the error that iperf3 reports
 */
export function parseIperf3(output: string): Bulk {
  const report = Report.parse(JSON.parse(output));
  if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`);
  const rate = report.end.sum_received?.bits_per_second ?? 0;
  if (rate <= 0) throw new Error("iperf3: nothing was received");
  return {
    bitsPerSecond: rate,
    bytes: report.intervals.reduce((sum, interval) => sum + interval.sum.bytes, 0),
  };
}
