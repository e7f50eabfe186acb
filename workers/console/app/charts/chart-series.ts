/** What a chart shows. */
import type { TimeSeries } from "../traffic/rates.ts";

/** How a series looks. */
export type SeriesTone = "first" | "second" | "bad";

export interface ChartSeries extends TimeSeries {
  readonly name: string;
  readonly tone: SeriesTone;
}
