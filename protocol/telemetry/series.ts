/**
 * Series: what a connector counts about streams and requests with the same labels. The values are cumulative since the
 * connector started, so a lost or repeated report does no harm.
 */
import * as z from "zod";
import { SiteId } from "../ids.ts";
import { shownText } from "../text.ts";
import { SparseHistogram } from "./latency.ts";

/** The end of the stream at which the connector counted. */
export const Side = z.enum(["listener", "target"]);
export type Side = z.infer<typeof Side>;

/** What the stream or the request was recognised as. */
export const TrafficProtocol = z.enum(["tcp", "udp", "http1", "http2", "grpc"]);
export type TrafficProtocol = z.infer<typeof TrafficProtocol>;

/** The class of a status; "none" for a request without a response. */
export const CodeClass = z.enum(["1xx", "2xx", "3xx", "4xx", "5xx", "none"]);
export type CodeClass = z.infer<typeof CodeClass>;

/** The most series that a connector reports. Further labels are counted under {@link OTHER}. */
export const MAX_SERIES = 500;

/** Stands for the service, process, target or method of what has no series of its own. */
export const OTHER = "other";

/** The labels of a series. The site that counted is known from the connection. */
export const SeriesKey = z.object({
  side: Side,
  service: shownText(63),
  /** The site at the other end; null before a site was chosen, and for the public door. */
  peer: SiteId.nullable(),
  /** Set where the other end is the public door of the edge. */
  door: z.literal(true).optional(),
  protocol: TrafficProtocol,
  /** The client's process, its pod, or its address, at the listener side; null where it is unknown. */
  process: shownText(200).nullable(),
  /** The target's host and port, at the target side; null at the listener side. */
  target: shownText(300).nullable(),
  /** Of requests alone: the method. */
  method: shownText(32).optional(),
  /** Of requests alone: the class of the status. */
  code: CodeClass.optional(),
});
export type SeriesKey = z.infer<typeof SeriesKey>;

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/**
 * What is counted. A series without a method counts streams, one with a method counts requests. The bytes of a request
 * are also bytes of the stream that carried it: totals of bytes take those of streams, and a query for methods takes
 * those of requests.
 */
export const SeriesValues = z.object({
  /** Streams that began and ended, or requests that ended (both counts are then the same). */
  opened: count,
  closed: count,
  /**
   * Of `closed`, those that ended with an error, with a status of 500 and above, or with a `grpc-status` that blames
   * the server (2, 4, 8, 12, 13, 14, 15).
   */
  failed: count,
  bytesToTarget: count,
  bytesToClient: count,
  /**
   * Durations, ms: of requests from the first byte of the request to the last of the response, of streams from their
   * start to the first byte towards the client.
   */
  latency: SparseHistogram,
  /** The sum of the durations, ms. */
  latencySum: z.number().min(0).max(Number.MAX_SAFE_INTEGER),
});
export type SeriesValues = z.infer<typeof SeriesValues>;

/** A series with its values. */
export const SeriesReport = SeriesKey.extend(SeriesValues.shape);
export type SeriesReport = z.infer<typeof SeriesReport>;

/** A text that is the same for the same labels, and only for those. */
export function seriesId(key: SeriesKey): string {
  const { side, service, peer, door, protocol, process, target, method, code } = key;
  return JSON.stringify([
    side,
    service,
    peer,
    door === true,
    protocol,
    process,
    target,
    method ?? null,
    code ?? null,
  ]);
}

/** The class of a status of HTTP; "none" for 0. */
export function codeClassOf(status: number): CodeClass {
  return CODE_CLASSES[Math.floor(status / 100)] ?? "none";
}

const CODE_CLASSES: readonly CodeClass[] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];
