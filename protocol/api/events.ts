/** The event log of a network in the API. */
import * as z from "zod";
import { SiteNameOrId } from "../names.ts";
import { Timestamp } from "./timestamp.ts";

/** The type of an event: a group, a dot and what happened. */
export const EventType = z.enum([
  "network.created",
  "network.deleted",
  "network.quotas",
  "network.restored",
  "hostname.granted",
  "hostname.withdrawn",
  "hostname.refused",
  "key.created",
  "key.revoked",
  "key.refused",
  "console.user",
  "token.created",
  "token.redeemed",
  "token.refused",
  "token.revoked",
  "site.created",
  "site.joined",
  "site.changed",
  "site.clock",
  "site.up",
  "site.down",
  "site.stopped",
  "site.revoked",
  "site.deleted",
  "access.revoked",
  "link.created",
  "link.deleted",
  "link.up",
  "link.down",
  "service.appeared",
  "service.gone",
  "service.contested",
  "service.refused",
  "service.unhealthy",
  "service.healthy",
  "ingress.opened",
  "ingress.closed",
  "ingress.refused",
  "service.balanced",
  "listener.failed",
  "listener.restored",
  "certificate.issued",
  "certificate.renewed",
  "authority.renewed",
  "uplink.refused",
  "uplink.up",
  "uplink.down",
  "uplink.contested",
  "session.ended",
]);
export type EventType = z.infer<typeof EventType>;

/** The group of an event type: its part before the dot. */
export const EventGroup = z.enum([
  "network",
  "hostname",
  "key",
  "console",
  "token",
  "site",
  "access",
  "link",
  "service",
  "ingress",
  "listener",
  "certificate",
  "authority",
  "uplink",
  "session",
]);

/** An event of a network. */
export const NetworkEvent = z
  .object({
    /** Number of the event in its network. It grows by one with each event. */
    id: z.number().int(),
    at: Timestamp,
    type: EventType,
    /** Name of the site that the event is about, if any. */
    site: z.string().optional(),
    /** A sentence for people. */
    text: z.string(),
    /** Error code of a failure. */
    code: z.string().optional(),
    /** The actor: an API key's name, a site's name or "edge". */
    actor: z.string(),
    /**
     * The number of events that this event combines: those of a type and site within a minute. It has the
     * values of the last.
     */
    count: z.number().int().min(2).optional(),
  })
  .meta({ id: "Event" });
export type NetworkEvent = z.infer<typeof NetworkEvent>;

/** The query of an event log. The query of a network's log has further fields. */
export const EventQuery = z.object({
  /** Only events with a larger id, the oldest of them. */
  after: z.coerce.number().int().min(0).optional(),
  /** Only events with a smaller id. */
  before: z.coerce.number().int().min(0).optional(),
  /** A type or a group of types. */
  type: z.union([EventType, EventGroup]).optional(),
  /** Only events at or after this time. */
  since: Timestamp.optional(),
  /** The most events in the response: the oldest of a query with `after`, else the newest. */
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});
export type EventQuery = z.infer<typeof EventQuery>;

/** The query of a network's event log. */
export const NetworkEventQuery = EventQuery.extend({
  /**
   * Only events about this site. With its id instead of its name, the events that it caused under a former
   * name as well.
   */
  site: SiteNameOrId.optional(),
});
export type NetworkEventQuery = z.infer<typeof NetworkEventQuery>;

/** A page of an event log, oldest first. */
export interface EventPage {
  readonly events: NetworkEvent[];
  /** Whether more events match: newer ones for a query with `after`, else older ones. */
  readonly more: boolean;
  /** Id of the newest event of the log, whether it matches or not; 0 without any. */
  readonly newest: number;
  /**
   * When the log began: at the creation of the network, or at its restoration from a backup. Ids of events
   * are comparable only within one beginning.
   */
  readonly began: string;
}

/** The headers of a response with a page. Its body is the array of events. */
export const EventPageHeaders = z.object({
  "fairlead-more": z.enum(["true", "false"]).meta({
    description: "Whether more events match: newer ones for a query with `after`, else older ones.",
  }),
  "fairlead-newest": z.string().regex(/^\d+$/).meta({
    description:
      "Id of the newest event of the log, whether it matches or not. A later query may begin after it.",
  }),
  "fairlead-began": Timestamp.meta({
    description:
      "When the log began: at the creation of the network, or at its restoration from a backup. Ids from before then belong to another log.",
  }),
});
export type EventPageHeaders = z.infer<typeof EventPageHeaders>;

/** The headers of a page. */
export function headersOf({ more, newest, began }: EventPage): EventPageHeaders {
  return {
    "fairlead-more": more ? "true" : "false",
    "fairlead-newest": String(newest),
    "fairlead-began": began,
  };
}
