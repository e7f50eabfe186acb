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
import { ErrorBody } from "../errors.ts";
import { BootId, LinkId, NetworkId, SessionId, SiteId } from "../ids.ts";
import {
  IssuerName,
  LinkCost,
  LinkName,
  NetworkName,
  Port,
  ServiceName,
  ServiceProtocol,
  SiteName,
  SiteNameOrId,
} from "../names.ts";
import { shownText } from "../text.ts";
import { VersionRange } from "../versions.ts";

/** Longest message either side accepts, in UTF-16 code units. */
export const MAX_MESSAGE = 256 * 1024;

/** Keep-alive: what the connector sends, what the runtime answers, how often, and when silence is death. */
export const KEEPALIVE = { ping: "p", pong: "P", everyMs: 20_000, deadAfterMs: 45_000 } as const;

/** Most links that a site may have joined by: as many as a hello presents. */
export const MAX_LINKS = 64;

/** Longest certificate in a message, base64 characters. */
export const MAX_CERTIFICATE = 4096;

/** A certificate in an answer, base64 DER: what is stored of it must fit into the next hello. */
export const CertificateText = z.string().min(1).max(MAX_CERTIFICATE);
/** Most sites that a site's offers may name together in `to`; the same list for the same service counts once. */
export const MAX_EXPORTS = 10_000;

/** Most lanes of a session. */
export const MAX_LANES = 8;

/**
 * Whether a session's streams are in TLS between the two connectors, or only in that between each of them and the
 * edge. Each side's own configuration decides what it takes part in; what the registry says is no permission.
 */
export const Encryption = z.enum(["end-to-end", "hop"]);
export type Encryption = z.infer<typeof Encryption>;
export const DEFAULT_ENCRYPTION: Encryption = "end-to-end";

/**
 * What a connector offers: a service with a target behind it. Targets stay inside the site. `encryption: "hop"`
 * allows sessions of either mode for it; end-to-end only unless given.
 */
export const Offer = z.object({
  name: ServiceName,
  protocol: ServiceProtocol,
  port: Port,
  encryption: Encryption.optional(),
  /** Names or ids of the only sites that may see and use it; every site that can reach it unless given. */
  to: z.array(SiteNameOrId).max(1000).optional(),
});
export type Offer = z.infer<typeof Offer>;

/** How a listener of a site stands. `code` tells why one failed. */
export const ListenerReport = z.object({
  service: ServiceName,
  address: shownText(300),
  state: z.enum(["listening", "failed"]),
  code: shownText(64).optional(),
  message: shownText(500).optional(),
});
export type ListenerReport = z.infer<typeof ListenerReport>;

/** One connector instance. */
export const Instance = z.object({ site: SiteId, siteName: SiteName, boot: BootId });
export type Instance = z.infer<typeof Instance>;

/** An instance that offers a service to this site; `encryption` as it offered it. */
export const VisibleOffer = Instance.extend({
  encryption: Encryption.optional(),
  /** Sum of the link costs on the cheapest way there; 1 from an edge that does not tell. */
  cost: z.number().int().min(0).optional(),
});
export type VisibleOffer = z.infer<typeof VisibleOffer>;

/** A service as a site sees it: where it is offered, itself left out. */
export const VisibleService = z.object({
  name: ServiceName,
  protocol: ServiceProtocol,
  port: Port,
  offers: z.array(VisibleOffer).max(1000),
});
export type VisibleService = z.infer<typeof VisibleService>;

export const LinkState = z.enum(["up", "down"]);

/** How a link stands. What is optional is not told by an older edge. */
const LinkStanding = z.object({
  id: LinkId,
  name: LinkName,
  state: LinkState,
  /** Why it is down; `link.revoked` for good. */
  code: z.string().optional(),
  cost: LinkCost.optional(),
  /** When it took this state, ms since 1970 on the edge's clock. */
  since: z.number().optional(),
  /** Round trip between its ends through the edge, ms; null while it is not known. */
  rtt: z.number().min(0).nullable().optional(),
});

/** A link as the joiner's connector sees it. */
export const LinkReport = LinkStanding.extend({ issuer: IssuerName });
export type LinkReport = z.infer<typeof LinkReport>;

/** A link as its issuer's connectors see it. */
export const IncomingLink = LinkStanding.extend({ joiner: SiteName });
export type IncomingLink = z.infer<typeof IncomingLink>;

/** An offer that the registry did not take, and why. */
export const RefusedOffer = z.object({
  name: ServiceName,
  code: z.string().max(64),
  message: z.string().max(500),
});
export type RefusedOffer = z.infer<typeof RefusedOffer>;

/** How many links of others there are beside those that are listed. */
const moreIncoming = z.number().int().min(1).optional();

const requestId = z.number().int().min(0);
const generation = z.number().int().min(1);

// ---- connector → registry -------------------------------------------------------------------------

export const Hello = z.object({
  type: z.literal("hello"),
  versions: VersionRange,
  boot: BootId,
  software: shownText(100),
  /** Link certificates, base64 DER; each must carry the key of the site certificate. */
  links: z.array(z.string().max(MAX_CERTIFICATE)).max(MAX_LINKS),
  offers: z.array(Offer).max(1000),
  /** Sessions that this process holds; the registry forgets its others. */
  sessions: z.array(SessionId).max(10_000),
  listeners: z.array(ListenerReport).max(1000),
  /** The connector's clock, ms since 1970. */
  time: z.number().optional(),
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
    /** Lanes wanted; the registry grants {@link MAX_LANES} at most. */
    lanes: z.number().int().min(1).optional(),
    /** End-to-end unless given. Two instances have one session of each mode. */
    encryption: Encryption.optional(),
  }),
  /** The session has lost its lanes: asks for new ones. `generation` is the last that this side used. */
  z.object({
    type: z.literal("session.resume"),
    id: requestId,
    session: SessionId,
    generation,
    lanes: z.number().int().min(1).optional(),
  }),
  /** What became of a session or of its lane. */
  z.object({ type: z.literal("session.ended"), session: SessionId, generation, code: shownText(64) }),
  /** Asks for a new site certificate for the registered key. */
  z.object({ type: z.literal("renew"), id: requestId }),
  /** Asks for the state of the network as this site may see it. */
  z.object({ type: z.literal("status.request"), id: requestId }),
  /** Deletes one of this site's links; answered by `done`. */
  z.object({ type: z.literal("link.delete"), id: requestId, link: LinkName }),
  /** The round trip between connector and edge, ms, measured by the keep-alive: once, and when it has changed much. */
  z.object({ type: z.literal("measured"), rtt: z.number().min(0).max(600_000) }),
  /** The process ends on purpose: its offers are withdrawn at once. */
  z.object({ type: z.literal("bye") }),
]);
export type ConnectorMessage = z.infer<typeof ConnectorMessage>;

// ---- registry → connector -------------------------------------------------------------------------

/** What this edge can do that older ones of the same uplink version cannot. `links`: `link.delete`, `measured`. */
export const EDGE_FEATURES = ["resume", "lanes", "hop", "links"] as const;
export type EdgeFeature = (typeof EDGE_FEATURES)[number];

export const Welcome = z.object({
  type: z.literal("welcome"),
  version: z.number().int(),
  /** {@link EDGE_FEATURES} of the edge: others may be named, of a newer one; an older one names none. */
  features: z.array(z.string().max(64)).max(64).default([]),
  network: z.object({ id: NetworkId, name: NetworkName }),
  site: z.object({ id: SiteId, name: SiteName }),
  /** The edge's clock, ms since 1970. */
  time: z.number(),
  /** Port at the host of the gateway where lanes may be dialled as well, with fewer hops on their way. */
  lanePort: Port.optional(),
  links: z.array(LinkReport),
  incoming: z.array(IncomingLink).default([]),
  moreIncoming,
  /** Which of the offers in the hello were not taken. */
  refused: z.array(RefusedOffer).default([]),
  /** Everything this site sees; replaces what it knew. */
  services: z.array(VisibleService),
  /** It does not fit into one message: `services` follow, of which the last is `complete`. */
  more: z.literal(true).optional(),
});
export type Welcome = z.infer<typeof Welcome>;

/** New certificates for the same key, base64 DER: the site's, the network CA that signed it, each link's. */
export const Renewal = z.object({
  certificate: CertificateText,
  authority: CertificateText,
  links: z.array(z.object({ id: LinkId, certificate: CertificateText })).max(MAX_LINKS),
  /** The deployment CA, PEM, when it was re-issued for the same key. */
  ca: z.string().max(8192).optional(),
});
export type Renewal = z.infer<typeof Renewal>;

/** One side's invitation to the lanes of a session: dial `LANE_PATH` with each ticket. */
export const Invitation = z.object({
  session: SessionId,
  generation,
  lane: z.number().int().min(0),
  peer: Instance,
  /** End-to-end unless given. */
  encryption: Encryption.optional(),
  ticket: z.string(),
  /**
   * One for each lane, the first being `ticket`. An edge that does not send them cannot resume sessions, and
   * connectors then speak the carrier that ends with its lane.
   */
  tickets: z.array(z.string()).min(1).max(MAX_LANES).optional(),
  /** How many lanes were granted: as many as there are tickets. */
  lanes: z.number().int().min(1).max(MAX_LANES).optional(),
  /** The peer's round trip to the edge, ms, where the edge knows it. Its word: limits that follow it have a ceiling. */
  rtt: z.number().min(0).optional(),
});
export type Invitation = z.infer<typeof Invitation>;

/** The network as a site sees it; without the services, of which it is told unasked, where all is too long. */
export const SiteView = z.object({
  network: z.object({ id: NetworkId, name: NetworkName }),
  sites: z.array(z.object({ id: SiteId, name: SiteName, state: LinkState })),
  services: z.array(VisibleService),
  links: z.array(LinkReport),
  incoming: z.array(IncomingLink).default([]),
  moreIncoming,
});
export type SiteView = z.infer<typeof SiteView>;

export const RegistryMessage = z.discriminatedUnion("type", [
  Welcome,
  /** Changes to what the site sees: `put` adds or replaces, `gone` removes by name. */
  z.object({
    type: z.literal("services"),
    put: z.array(VisibleService),
    gone: z.array(ServiceName),
    /** With this the site has heard of all that it sees since `welcome`; what was known before that is no more. */
    complete: z.literal(true).optional(),
  }),
  /** Replaces what is known of this site's links. */
  z.object({
    type: z.literal("links"),
    links: z.array(LinkReport),
    incoming: z.array(IncomingLink).default([]),
    moreIncoming,
  }),
  /** Which of the offers last sent were not taken; replaces what was told before. */
  z.object({ type: z.literal("offers.refused"), refused: z.array(RefusedOffer) }),
  /** Answer to `link.delete`. */
  z.object({ type: z.literal("done"), id: requestId }),
  /** Answer to `session.request` and `session.resume`. */
  z.object({ type: z.literal("session.grant"), id: requestId, invitation: Invitation }),
  /** The other side asked for a session with this instance, or for new lanes of one that is there. */
  z.object({ type: z.literal("session.offer"), invitation: Invitation }),
  /** A site with which this instance has a session is called otherwise now. */
  z.object({ type: z.literal("renamed"), site: SiteId, name: SiteName }),
  /** The session must end now. */
  z.object({ type: z.literal("session.cut"), session: SessionId, code: z.string() }),
  /** Answer to `renew`. */
  z.object({ type: z.literal("renewed"), id: requestId, renewal: Renewal }),
  z.object({ type: z.literal("status"), id: requestId, view: SiteView }),
  /** Refuses a request (with its `id`), or tells why the uplink is about to be closed (without). */
  z.object({
    type: z.literal("error"),
    id: requestId.optional(),
    error: ErrorBody,
    /** When the same may be asked again, ms from now. */
    retryAfterMs: z.number().int().min(0).optional(),
  }),
]);
export type RegistryMessage = z.infer<typeof RegistryMessage>;

/** WebSocket close code that goes with an error's HTTP status: 4000 + status, the error's code as reason. */
export function closeCodeFor(status: number): number {
  return 4000 + status;
}
