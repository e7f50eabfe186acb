/** Figures of a test, for whoever reads its output; and one JSON line each in a file, where one is named. */
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
