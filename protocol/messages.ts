/**
 * Messages on the uplink: JSON in WebSocket text messages, each an object with a `type`.
 *
 * The connector sends `hello` first and once; the registry answers `welcome` and may then send anything.
 * A request carries an `id` (a number that the connector chooses, unique on this uplink) and its answer
 * carries the same. Unknown fields are ignored, so that a newer side may add some; an unknown `type` is
 * `uplink.malformed` from a connector and ignored from the registry. The bare text `p` is the keep-alive,
 * answered `P` by the runtime without waking the registry.
 */
import { z } from "zod";
import { ErrorBody } from "./errors.ts";
import { BootId, LinkId, NetworkId, SessionId, SiteId } from "./ids.ts";
import { LinkName, NetworkName, Port, ServiceName, ServiceProtocol, SiteName } from "./names.ts";
import { VersionRange } from "./versions.ts";

/** Longest message either side accepts, in UTF-16 code units. */
export const MAX_MESSAGE = 256 * 1024;

/** Keep-alive: what the connector sends, what the runtime answers, how often, and when silence is death. */
export const KEEPALIVE = { ping: "p", pong: "P", everyMs: 20_000, deadAfterMs: 45_000 } as const;

/** What a connector offers: a service with a target behind it. Targets stay inside the site. */
export const Offer = z.object({ name: ServiceName, protocol: ServiceProtocol, port: Port });
export type Offer = z.infer<typeof Offer>;

/** How a listener of a site stands. `code` tells why one failed. */
export const ListenerReport = z.object({
  service: ServiceName,
  address: z.string().max(300),
  state: z.enum(["listening", "failed"]),
  code: z.string().max(64).optional(),
  message: z.string().max(500).optional(),
});
export type ListenerReport = z.infer<typeof ListenerReport>;

/** One connector instance. */
export const Instance = z.object({ site: SiteId, siteName: SiteName, boot: BootId });
export type Instance = z.infer<typeof Instance>;

/** A service as a site sees it: where it is offered, itself left out. */
export const VisibleService = z.object({
  name: ServiceName,
  protocol: ServiceProtocol,
  port: Port,
  offers: z.array(Instance),
});
export type VisibleService = z.infer<typeof VisibleService>;

export const LinkState = z.enum(["up", "down"]);

/** A link as the joiner's connector sees it. `code` tells why one is down. */
export const LinkReport = z.object({
  id: LinkId,
  name: LinkName,
  issuer: z.string(),
  state: LinkState,
  code: z.string().optional(),
});
export type LinkReport = z.infer<typeof LinkReport>;

const requestId = z.number().int().min(0);
const generation = z.number().int().min(1);

// ---- connector → registry -------------------------------------------------------------------------

export const Hello = z.object({
  type: z.literal("hello"),
  versions: VersionRange,
  boot: BootId,
  software: z.string().max(100),
  /** Link certificates, base64 DER; each must carry the key of the site certificate. */
  links: z.array(z.string().max(4096)).max(64),
  offers: z.array(Offer).max(1000),
  /** Sessions that this process holds; the registry forgets its others. */
  sessions: z.array(SessionId).max(10_000),
  listeners: z.array(ListenerReport).max(1000),
});
export type Hello = z.infer<typeof Hello>;

export const ConnectorMessage = z.discriminatedUnion("type", [
  Hello,
  /** Replaces everything this instance offers. */
  z.object({ type: z.literal("offers"), offers: z.array(Offer).max(1000) }),
  /** Replaces what is known of this instance's listeners. */
  z.object({ type: z.literal("listeners"), listeners: z.array(ListenerReport).max(1000) }),
  /** Asks for a session with an instance, for the sake of a service. */
  z.object({
    type: z.literal("session.request"),
    id: requestId,
    service: ServiceName,
    peer: z.object({ site: SiteId, boot: BootId }),
  }),
  /** What became of a session or of its lane. */
  z.object({ type: z.literal("session.ended"), session: SessionId, generation, code: z.string().max(64) }),
  /** Asks for a new site certificate for the registered key. */
  z.object({ type: z.literal("renew"), id: requestId }),
  /** Asks for the state of the network as this site may see it. */
  z.object({ type: z.literal("status.request"), id: requestId }),
  /** The process ends on purpose: its offers are withdrawn at once. */
  z.object({ type: z.literal("bye") }),
]);
export type ConnectorMessage = z.infer<typeof ConnectorMessage>;

// ---- registry → connector -------------------------------------------------------------------------

export const Welcome = z.object({
  type: z.literal("welcome"),
  version: z.number().int(),
  network: z.object({ id: NetworkId, name: NetworkName }),
  site: z.object({ id: SiteId, name: SiteName }),
  /** The edge's clock, ms since 1970. */
  time: z.number(),
  links: z.array(LinkReport),
  /** Everything this site sees; replaces what it knew. */
  services: z.array(VisibleService),
});
export type Welcome = z.infer<typeof Welcome>;

/** New certificates for the same key, base64 DER: the site's, the network CA that signed it, each link's. */
export const Renewal = z.object({
  certificate: z.string(),
  authority: z.string(),
  links: z.array(z.object({ id: LinkId, certificate: z.string() })),
});
export type Renewal = z.infer<typeof Renewal>;

/** One side's invitation to a lane: dial `LANE_PATH` with the ticket. */
export const Invitation = z.object({
  session: SessionId,
  generation,
  lane: z.number().int().min(0),
  peer: Instance,
  ticket: z.string(),
});
export type Invitation = z.infer<typeof Invitation>;

/** The network as a site sees it. */
export const SiteView = z.object({
  network: z.object({ id: NetworkId, name: NetworkName }),
  sites: z.array(z.object({ id: SiteId, name: SiteName, state: LinkState })),
  services: z.array(VisibleService),
  links: z.array(LinkReport),
});
export type SiteView = z.infer<typeof SiteView>;

export const RegistryMessage = z.discriminatedUnion("type", [
  Welcome,
  /** Changes to what the site sees: `put` adds or replaces, `gone` removes by name. */
  z.object({ type: z.literal("services"), put: z.array(VisibleService), gone: z.array(ServiceName) }),
  z.object({ type: z.literal("links"), links: z.array(LinkReport) }),
  /** Answer to `session.request`. */
  z.object({ type: z.literal("session.grant"), id: requestId, invitation: Invitation }),
  /** The other side asked for a session with this instance. */
  z.object({ type: z.literal("session.offer"), invitation: Invitation }),
  /** The session must end now. */
  z.object({ type: z.literal("session.cut"), session: SessionId, code: z.string() }),
  /** Answer to `renew`. */
  z.object({ type: z.literal("renewed"), id: requestId, renewal: Renewal }),
  z.object({ type: z.literal("status"), id: requestId, view: SiteView }),
  /** Refuses a request (with its `id`), or tells why the uplink is about to be closed (without). */
  z.object({ type: z.literal("error"), id: requestId.optional(), error: ErrorBody }),
]);
export type RegistryMessage = z.infer<typeof RegistryMessage>;

/** WebSocket close code that goes with an error's HTTP status: 4000 + status, the error's code as reason. */
export function closeCodeFor(status: number): number {
  return 4000 + status;
}
