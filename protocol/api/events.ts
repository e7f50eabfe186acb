/** The event log of a network in the API. */
import { z } from "zod";
import { Timestamp } from "./timestamp.ts";

export const EventType = z.enum([
  "network.created",
  "network.deleted",
  "network.quotas",
  "network.restored",
  "key.created",
  "key.revoked",
  "key.refused",
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
  "listener.failed",
  "listener.restored",
  "certificate.renewed",
  "authority.renewed",
  "uplink.refused",
  "uplink.up",
  "uplink.down",
  "uplink.contested",
  "session.ended",
]);
export type EventType = z.infer<typeof EventType>;

/** What stands before the dot of some event type. */
export const EventGroup = z.enum([
  "network",
  "key",
  "token",
  "site",
  "access",
  "link",
  "service",
  "listener",
  "certificate",
  "authority",
  "uplink",
  "session",
]);

export const NetworkEvent = z
  .object({
    /** Grows by one with each event of the network. */
    id: z.number().int(),
    at: Timestamp,
    type: EventType,
    /** Name of the site it is about, if any. */
    site: z.string().optional(),
    /** A sentence for people. */
    text: z.string(),
    /** Error code, if something failed. */
    code: z.string().optional(),
    /** Who did it: a key's name, a site's name or "edge". */
    actor: z.string(),
    /** How many of its type a site caused within a minute, if they are told as one: `at`, `text` and `code` are the last's. */
    count: z.number().int().min(2).optional(),
  })
  .meta({ id: "Event" });
export type NetworkEvent = z.infer<typeof NetworkEvent>;

export const EventQuery = z.object({
  /** Only events with a larger id. */
  after: z.coerce.number().int().min(0).optional(),
  /** A type, or what stands before its dot. */
  type: z.union([EventType, EventGroup]).optional(),
  /** Only events at or after this time. */
  since: Timestamp.optional(),
  /** How many of the newest, at the most. */
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});
export type EventQuery = z.infer<typeof EventQuery>;
