/** Splits what a connector reports into messages that the edge accepts. */
import type { FlowRecord } from "../../protocol/telemetry/flow-record.ts";
import { MAX_TELEMETRY_MESSAGE, type TelemetryReport } from "../../protocol/telemetry/messages.ts";
import type { SeriesReport } from "../../protocol/telemetry/series.ts";

type SeriesMessage = Extract<TelemetryReport, { type: "series" }>;

/** What a message has besides its lists, in UTF-16 code units; more than enough. */
const FRAME = 200;

/** The messages for series and notable records, at least one. */
export function seriesMessages(
  series: readonly SeriesReport[],
  open: number,
  notable: readonly FlowRecord[],
  max = MAX_TELEMETRY_MESSAGE,
): SeriesMessage[] {
  const parts: { series: SeriesReport[]; notable: FlowRecord[] }[] = [];
  let part = { series: [] as SeriesReport[], notable: [] as FlowRecord[] };
  let length = FRAME;
  const roomFor = (entry: unknown): void => {
    const added = JSON.stringify(entry).length + 1;
    if (length > FRAME && length + added > max) {
      parts.push(part);
      part = { series: [], notable: [] };
      length = FRAME;
    }
    length += added;
  };
  for (const each of series) {
    roomFor(each);
    part.series.push(each);
  }
  for (const each of notable) {
    roomFor(each);
    part.notable.push(each);
  }
  parts.push(part);
  return parts.map((each) => ({ type: "series", open, ...each }));
}
