/** The status of an embedded edge's front: what strangers did at its ports, and which port lanes use. */
import * as z from "zod";

const count = z.number().int().min(0);

/** Counts of connections that proved no site, since the edge's start. */
export const StrangerCounts = z.object({
  /** Connections closed to make room for others. */
  shed: count,
  /** Connections closed because the handshake, a request's header or a request took too long. */
  timedOut: count,
  /** Connections that failed in the TLS handshake, or sent something other than TLS. */
  failedHandshakes: count,
  /** Accepts that failed, as far as the system reports them. */
  failedAccepts: count,
});
export type StrangerCounts = z.infer<typeof StrangerCounts>;

/**
 * The lanes' own port: `direct` while lanes use it, `withdrawn` while strangers fill it and lanes use the
 * gateway's port, `off` where there is none.
 */
export const LanePort = z.enum(["direct", "withdrawn", "off"]);
export type LanePort = z.infer<typeof LanePort>;

/** The status of the front. */
export const FrontStatus = z
  .object({ strangers: StrangerCounts, lanes: LanePort })
  .meta({ id: "FrontStatus" });
export type FrontStatus = z.infer<typeof FrontStatus>;
