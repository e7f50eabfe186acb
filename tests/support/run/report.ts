/** Prints the figures of a test, and appends them as a JSON line to the file of FAIRLEAD_CHAOS_REPORT. */
import { appendFileSync } from "node:fs";
import { SECONDS } from "../harm/scale.ts";

const file = process.env.FAIRLEAD_CHAOS_REPORT;

export function report(test: string, figures: Readonly<Record<string, unknown>>): void {
  const text = Object.entries(figures)
    .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(", ");
  console.log(`${test}: ${text}`);
  if (file) appendFileSync(file, `${JSON.stringify({ test, seconds: SECONDS, ...figures })}\n`);
}
