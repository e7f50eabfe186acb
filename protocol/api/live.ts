/**
 * The live channels of a network: WebSockets on which a console or a command follows a network without asking again.
 * `GET /v1/networks/{network}/live` has status and events, from the registry; `GET /v1/networks/{network}/live/traffic`
 * has traffic and flows, from the object that keeps them. Messages are JSON texts with a `type`; the bare text `p` is
 * answered by `P` without waking anything. A receiver ignores unknown types and fields.
 */
import * as z from "zod";
import { ErrorBody } from "../errors.ts";
import { SiteFlowRecord } from "../telemetry/flow-record.ts";
import { NetworkEvent } from "./events.ts";
import { Link } from "./links.ts";
import { Network } from "./networks.ts";
import { Service } from "./services.ts";
import { Site } from "./sites.ts";
import { NetworkStatus } from "./status.ts";
import { Timestamp } from "./timestamp.ts";
import { Traffic, TrafficQuery } from "./traffic.ts";

/** How long a viewer counts as watching after a `watch`, ms. A visible page renews it every half of that. */
export const WATCH_MS = 60_000;

/** Who was heard last when: only instances that were silent for longer than {@link SILENT_MS}. */
export const SilentSite = z.object({ site: z.string(), boot: z.string(), heardAt: Timestamp });
export type SilentSite = z.infer<typeof SilentSite>;

/** An uplink that was silent for this time, ms, shows as silent: a keep-alive of 20 s is overdue. */
export const SILENT_MS = 22_000;

/** What a viewer sends on either channel. */
export const LiveRequest = z.discriminatedUnion("type", [
  /** The viewer looks at it: renews the lease of {@link WATCH_MS}. */
  z.object({ type: z.literal("watch") }),
  /** On the traffic channel: what to send at each tick. Replaces the earlier query. */
  z.object({ type: z.literal("traffic"), query: TrafficQuery }),
  /** On the traffic channel: follow records that match, beginning with the last minute. One tail for each viewer. */
  z.object({ type: z.literal("tail"), filter: z.string().max(1000) }),
  z.object({ type: z.literal("untail") }),
]);
export type LiveRequest = z.infer<typeof LiveRequest>;

const removed = z.array(z.string());

/** What the registry sends. `seq` grows by one with each message; after a gap, the viewer connects again. */
export const LiveStatus = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("snapshot"),
    seq: z.number().int(),
    at: Timestamp,
    status: NetworkStatus,
    /** The last events, oldest first. */
    events: z.array(NetworkEvent),
    silent: z.array(SilentSite),
  }),
  /** What changed: entries by their ids (services by name). */
  z.object({
    type: z.literal("delta"),
    seq: z.number().int(),
    at: Timestamp,
    network: Network.optional(),
    sites: z.object({ put: z.array(Site), gone: removed }).optional(),
    links: z.object({ put: z.array(Link), gone: removed }).optional(),
    services: z.object({ put: z.array(Service), gone: removed }).optional(),
    events: z.array(NetworkEvent).optional(),
    /** Replaces the list. */
    silent: z.array(SilentSite).optional(),
  }),
  /** Why the channel closes next. */
  z.object({ type: z.literal("error"), error: ErrorBody }),
]);
export type LiveStatus = z.infer<typeof LiveStatus>;

/** What the object of traffic sends. */
export const LiveTraffic = z.discriminatedUnion("type", [
  /** The whole answer to the query; again after each `traffic`. */
  z.object({ type: z.literal("traffic"), traffic: Traffic }),
  /** The values of the newest step of the groups that changed, and their totals. */
  z.object({
    type: z.literal("tick"),
    at: Timestamp,
    groups: Traffic.shape.groups,
    reporters: Traffic.shape.reporters,
  }),
  /** Records of the tail, and how many were left out for limits. */
  z.object({ type: z.literal("records"), records: z.array(SiteFlowRecord), left: z.number().int().min(0) }),
  z.object({ type: z.literal("error"), error: ErrorBody }),
]);
export type LiveTraffic = z.infer<typeof LiveTraffic>;
