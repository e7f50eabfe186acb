/** Traffic of a network in the API: totals and rates by site, service, process and target. */
import * as z from "zod";
import { SiteId } from "../ids.ts";
import { SiteFlowRecord } from "../telemetry/flow-record.ts";
import { SparseHistogram } from "../telemetry/latency.ts";
import { SeriesKey, TrafficProtocol } from "../telemetry/series.ts";
import { Timestamp } from "./timestamp.ts";

/** A site in traffic: its id, and the name by which it was last known. */
const TrafficSite = z.object({ id: SiteId, name: z.string() });

/** What is counted of a group. */
export const TrafficTotals = z.object({
  /** Streams that began and that ended. Streams open now: `opened - closed`. */
  opened: z.number().int(),
  closed: z.number().int(),
  /** Streams that ended with an error. */
  failed: z.number().int(),
  /** Requests that ended, and those of them that failed or had a status of 500 and above. */
  requests: z.number().int(),
  requestsFailed: z.number().int(),
  bytesToTarget: z.number().int(),
  bytesToClient: z.number().int(),
  /** Of requests; of streams where there are no requests. */
  latency: SparseHistogram,
});
export type TrafficTotals = z.infer<typeof TrafficTotals>;

/** The values of a group in one step of time, without those that are 0. */
export const TrafficPoint = TrafficTotals.partial();
export type TrafficPoint = z.infer<typeof TrafficPoint>;

/**
 * Traffic with the same labels, of one direction: from the client's site to the target's. Each stream is counted once:
 * at the listener, or at the target where the client came by a door. A label is null where it is unknown, and where
 * the query does not ask for it.
 */
export const TrafficGroup = z.object({
  /** The client's site; null for the public door. */
  from: TrafficSite.nullable(),
  /** The target's site; null before one was chosen. */
  to: TrafficSite.nullable(),
  service: z.string(),
  protocol: TrafficProtocol.nullable(),
  /** The client's process, pod or address. */
  process: z.string().nullable(),
  /** The target's host and port. */
  target: z.string().nullable(),
  method: z.string().nullable(),
  code: SeriesKey.shape.code.unwrap().nullable(),
  /** Since the network began to count. */
  totals: TrafficTotals,
  /** One for each step of the window, oldest first; null for a step without anything. */
  points: z.array(TrafficPoint.nullable()),
});
export type TrafficGroup = z.infer<typeof TrafficGroup>;

/** Labels by which traffic can be grouped, besides the two sites and the service. */
export const TrafficLabel = z.enum(["protocol", "process", "target", "method", "code"]);
export type TrafficLabel = z.infer<typeof TrafficLabel>;

/** The labels by which it shows how connections and requests ended, as {@link TrafficQuery} takes them. */
export const OUTCOME_LABELS = "protocol,code";

/** How far back a window reaches, and with which steps, s. */
export const WINDOWS = {
  "15m": { seconds: 900, stepSeconds: 10 },
  "1h": { seconds: 3600, stepSeconds: 60 },
  "24h": { seconds: 86_400, stepSeconds: 600 },
  "7d": { seconds: 604_800, stepSeconds: 3600 },
  "90d": { seconds: 7_776_000, stepSeconds: 86_400 },
} as const;
export const WindowName = z.enum(["15m", "1h", "24h", "7d", "90d"]);
export type WindowName = z.infer<typeof WindowName>;

/** The query of a network's traffic. */
export const TrafficQuery = z.object({
  window: WindowName.default("15m"),
  /** Labels separated by commas; none unless given. */
  by: z.string().max(100).optional(),
  /** Only this service. */
  service: z.string().max(63).optional(),
  /** Only traffic from or to this site, by name or id. */
  site: z.string().max(63).optional(),
});
export type TrafficQuery = z.infer<typeof TrafficQuery>;

/** A network's traffic. */
export const Traffic = z
  .object({
    at: Timestamp,
    /** Start of the first step. */
    from: Timestamp,
    stepSeconds: z.number().int(),
    /** Since when totals count. */
    since: Timestamp,
    groups: z.array(TrafficGroup),
    /** Sites that report now, with the age of their last report, ms. */
    reporters: z.array(z.object({ site: TrafficSite, ageMs: z.number().int() })),
  })
  .meta({ id: "Traffic" });
export type Traffic = z.infer<typeof Traffic>;

/** The query of kept records: notable ones (errors, and the slowest of each minute). */
export const FlowQuery = z.object({
  /** The text of a filter; everything unless given. */
  filter: z.string().max(1000).optional(),
  since: Timestamp.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});
export type FlowQuery = z.infer<typeof FlowQuery>;

/** Kept records, oldest first. */
export const FlowPage = z
  .object({ flows: z.array(SiteFlowRecord), more: z.boolean() })
  .meta({ id: "FlowPage" });
export type FlowPage = z.infer<typeof FlowPage>;
