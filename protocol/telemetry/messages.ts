/**
 * Messages of the telemetry connection (docs/protocol.md, "Telemetry"): a WebSocket of the connector to the object of its
 * network that keeps traffic. Each is a text message with a JSON object that has a `type`. A connector dials when it has
 * something to report, and closes after {@link TELEMETRY_IDLE_MS} without traffic: an idle network has no such
 * connections. The keep-alive is that of the uplink.
 *
 * A receiver ignores unknown fields and types.
 */
import * as z from "zod";
import { ErrorBody } from "../errors.ts";
import { BootId } from "../ids.ts";
import { shownText } from "../text.ts";
import { FlowRecord } from "./flow-record.ts";
import { MAX_SERIES, SeriesReport } from "./series.ts";

/** The path of telemetry connections on the gateway, for a WebSocket upgrade. */
export const TELEMETRY_PATH = "/v1/telemetry";

/** The longest message that either side accepts, in UTF-16 code units. */
export const MAX_TELEMETRY_MESSAGE = 256 * 1024;

/** A connector closes the connection after this time without traffic, ms. */
export const TELEMETRY_IDLE_MS = 10 * 60_000;

/** The most records that a connector sends a second for each tail. */
export const MAX_TAIL_RECORDS = 20;

/** The most notable records (errors, and the slowest) in a report. */
export const MAX_NOTABLE = 20;

/** The most tails of a network at a time. */
export const MAX_TAILS = 50;

/** The number of a tail, which the object chooses. */
const tailId = z.number().int().min(0);

/** Any message of a connector. */
export const TelemetryReport = z.discriminatedUnion("type", [
  /** The first message. */
  z.object({ type: z.literal("hello"), boot: BootId, software: shownText(100) }),
  /**
   * The series whose values changed since the last report on this connection; after `hello`, all. Several messages
   * follow one another where one is too long.
   */
  z.object({
    type: z.literal("series"),
    series: z.array(SeriesReport).max(MAX_SERIES + 100),
    /** Streams that are open now. */
    open: z.number().int().min(0),
    notable: z.array(FlowRecord).max(MAX_NOTABLE),
  }),
  /** Records for a tail. `left` counts those that matched and were left out for the limit. */
  z.object({
    type: z.literal("records"),
    tail: tailId,
    records: z.array(FlowRecord).max(200),
    left: z.number().int().min(0),
  }),
]);
export type TelemetryReport = z.infer<typeof TelemetryReport>;

/** A tail: which records somebody watches, by the text of a filter (flow-filter.ts). */
export const Tail = z.object({ id: tailId, filter: z.string().max(1000) });
export type Tail = z.infer<typeof Tail>;

/** Any message of the object. */
export const TelemetryNotice = z.discriminatedUnion("type", [
  /** The reply to `hello`: how often to report, and the tails that are watched. */
  z.object({
    type: z.literal("welcome"),
    everyMs: z.number().int().min(100),
    tails: z.array(Tail).max(MAX_TAILS),
  }),
  /** Report at this interval from now on, ms. */
  z.object({ type: z.literal("cadence"), everyMs: z.number().int().min(100) }),
  /** Send records that match, beginning with those of the last minute. */
  z.object({ type: z.literal("tail.start"), tail: Tail }),
  z.object({ type: z.literal("tail.stop"), id: tailId }),
  /** Why the object closes the connection next. */
  z.object({ type: z.literal("error"), error: ErrorBody }),
]);
export type TelemetryNotice = z.infer<typeof TelemetryNotice>;
