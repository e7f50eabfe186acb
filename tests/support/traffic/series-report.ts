/** Reports of series, as connectors send them. */
import type { SeriesReport } from "../../../protocol/telemetry/series.ts";

/** Ids of sites. */
export const SITES = {
  west: `s${"1".repeat(26)}`,
  east: `s${"2".repeat(26)}`,
  north: `s${"3".repeat(26)}`,
} as const;

/** A report of streams at the listener's side, apart from the parts. */
export function makeReport(parts: Partial<SeriesReport> = {}): SeriesReport {
  return {
    ...{ side: "listener", service: "db", peer: null, protocol: "tcp", process: null, target: null },
    ...{ opened: 0, closed: 0, failed: 0, bytesToTarget: 0, bytesToClient: 0, latency: [], latencySum: 0 },
    ...parts,
  };
}
