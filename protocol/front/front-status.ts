/** What the front of an embedded edge tells of itself: what strangers did at its ports, and which way lanes take. */
import { z } from "zod";

const count = z.number().int().min(0);

/** Connections since the edge's start that proved nothing. */
export const StrangerCounts = z.object({
  /** Closed to make room for others. */
  shed: count,
  /** Closed because the handshake, a request's header or a request took too long. */
  timedOut: count,
  /** Ended in the TLS handshake, or said something else than TLS. */
  failedHandshakes: count,
  /** Accepts that failed, as far as the system tells. */
  failedAccepts: count,
});
export type StrangerCounts = z.infer<typeof StrangerCounts>;

/** `direct`: lanes have a port of their own. `withdrawn`: strangers filled it, so lanes take the gateway's port for a time. */
export const LanePort = z.enum(["direct", "withdrawn", "off"]);
export type LanePort = z.infer<typeof LanePort>;

export const FrontStatus = z
  .object({ strangers: StrangerCounts, lanes: LanePort })
  .meta({ id: "FrontStatus" });
export type FrontStatus = z.infer<typeof FrontStatus>;
