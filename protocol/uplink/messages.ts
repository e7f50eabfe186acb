/**
 * Messages of the uplink (docs/protocol.md, "The uplink"). Each is a WebSocket text message with a JSON
 * object that has a `type`.
 *
 * The connector sends `hello` first and once. The registry replies `welcome` and may then send any message. A
 * request has an `id`, a number that the connector chooses and uses once on this uplink, and its reply has
 * the same `id`.
 *
 * A receiver ignores unknown fields, so that newer versions can add fields. An unknown `type` is
 * `uplink.malformed` from a connector, and is ignored from the registry. The bare text `p` is the keep-alive:
 * the runtime replies `P` without waking the registry.
 */
import * as z from "zod";
import { BalanceMode, Rank, Weight } from "../balance.ts";
import { ZoneDomain } from "../dns/domain-name.ts";
import { ErrorBody } from "../errors.ts";
import { DoorAccess, Hostname } from "../hostnames.ts";
import { BootId, DoorId, LinkId, NetworkId, SessionId, SiteId } from "../ids.ts";
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
import { StreamKind } from "../stream-kind.ts";
import { shownText } from "../text.ts";
import { VersionRange } from "../versions.ts";
import { HeadlessPod, ServiceExportDetails } from "./export-details.ts";

/** The longest message that either side accepts, in UTF-16 code units. */
export const MAX_MESSAGE = 256 * 1024;

/**
 * The keep-alive: the connector's text, the runtime's reply, the interval, and the silence of a dead peer.
 */
export const KEEPALIVE = { ping: "p", pong: "P", everyMs: 20_000, deadAfterMs: 45_000 } as const;

/** The most links that a site may have joined by, all of which a hello presents. */
export const MAX_LINKS = 64;

/** The longest certificate in a message, in base64 characters. */
export const MAX_CERTIFICATE = 4096;

/** A certificate in a response or reply, base64 DER. It must fit into the next hello. */
export const CertificateText = z.string().min(1).max(MAX_CERTIFICATE);
/**
 * The most sites that a site's offers may name together in `to`. The same list for the same service counts
 * once.
 */
export const MAX_EXPORTS = 10_000;

/** The most lanes of a session. */
export const MAX_LANES = 8;

/**
 * The mode of a session (docs/protocol.md, "Mode of a session"): TLS between the two connectors, or only
 * between each connector and the edge. Each side's own configuration decides which modes it permits. The
 * registry cannot permit one.
 */
export const Encryption = z.enum(["end-to-end", "hop"]);
export type Encryption = z.infer<typeof Encryption>;
/** The mode where a message names none. */
export const DEFAULT_ENCRYPTION: Encryption = "end-to-end";

/** The most ports of a service, and of an offer. */
export const MAX_PORTS = 64;

/** A port of a service, and the protocol that is spoken at it. */
export const ServicePort = z.object({ port: Port, protocol: ServiceProtocol });
export type ServicePort = z.infer<typeof ServicePort>;

/** A port that an offer asks for. Without a protocol, it has that of the offer. */
const AskedPort = ServicePort.partial({ protocol: true });

/** Kinds of streams, besides `tcp`. */
const Kinds = z.array(StreamKind).max(8);

/** Ports of a service. */
const PortNumbers = z.array(Port).max(MAX_PORTS);

/** A service that a connector offers. The addresses of its targets stay inside the site. */
export const Offer = z.object({
  name: ServiceName,
  /** The protocol of the first port. */
  protocol: ServiceProtocol,
  /** The port that the service gets if it has none yet: the first asked for, or else the target's. */
  port: Port,
  /**
   * The ports that the site asks for, of which the first is `port`. Absent if any port will do: the offer then has
   * the first port of the service.
   */
  ports: z.array(AskedPort).min(1).max(MAX_PORTS).optional(),
  /** The kinds of streams, besides `tcp`, that the instance serves for this service. */
  kinds: Kinds.optional(),
  /** How clients are to choose between the instances, unless the operator sets it. The oldest offer decides. */
  balance: BalanceMode.optional(),
  /** {@link DEFAULT_WEIGHT} unless given. */
  weight: Weight.optional(),
  /** 0 unless given. */
  rank: Rank.optional(),
  /** Ports of the service whose targets are all down. */
  down: PortNumbers.optional(),
  /** The code of the failure for which they are down, for the event and the status. */
  why: shownText(64).optional(),
  /**
   * The DNS zone that the service stands for, whose name follows from the domain. Connectors that do not know zones
   * do not see the offer, and no listener is for it (docs/protocol.md, "Zones between sites").
   */
  zone: ZoneDomain.optional(),
  /** "hop" permits sessions of either mode; end-to-end only unless given. */
  encryption: Encryption.optional(),
  /**
   * Names or ids of the only sites that may see and use the service; every site that reaches this site unless
   * given.
   */
  to: z.array(SiteNameOrId).max(1000).optional(),
  /** The exported Service behind the offer, for connectors in other clusters. */
  export: ServiceExportDetails.optional(),
  /** Set if the service is one pod of a headless service. */
  headless: HeadlessPod.optional(),
  /**
   * Set if `export` and `headless` did not fit into the hello, and follow in `offers.changed`. Until then the registry
   * takes those that the site gave before, or hides the offer from connectors that know them.
   */
  detailsFollow: z.literal(true).optional(),
  /**
   * Set if the service stays in the network, with its ports down, when the site stays away: until an instance of the
   * site offers it again or withdraws it, or the site is revoked or deleted.
   */
  stays: z.literal(true).optional(),
});
export type Offer = z.infer<typeof Offer>;

/** The most services that one instance offers. */
export const MAX_OFFERS = 1000;

/** The most characters of the export details of one instance together, as JSON. */
export const MAX_DETAILS = 512 * 1024;

/** The state of a listener. A failed listener has the `code` of its failure. */
export const ListenerReport = z.object({
  service: ServiceName,
  /** The port of the service that the listener is for, where the service has several. */
  port: Port.optional(),
  address: shownText(300),
  state: z.enum(["listening", "failed"]),
  code: shownText(64).optional(),
  message: shownText(500).optional(),
});
export type ListenerReport = z.infer<typeof ListenerReport>;

/** One connector instance. */
export const Instance = z.object({ site: SiteId, siteName: SiteName, boot: BootId });
export type Instance = z.infer<typeof Instance>;

/** An offer as a site sees it: the instance that offers the service to this site. */
export const VisibleOffer = Instance.extend({
  /** As the instance offered it. */
  encryption: Encryption.optional(),
  /** The sum of the link costs on the cheapest path; 1 from an edge that does not send it. */
  cost: z.number().int().min(0).optional(),
  /** The ports of the service that the instance serves; all unless given. */
  ports: PortNumbers.optional(),
  /** As the instance offered them. */
  kinds: Kinds.optional(),
  down: PortNumbers.optional(),
  /** {@link DEFAULT_WEIGHT} unless given. */
  weight: Weight.optional(),
  /** 0 unless given. */
  rank: Rank.optional(),
  /** As the instance offered it. */
  zone: ZoneDomain.optional(),
  /** As the instance offered them. Details of a newer connector that cannot be read are left out. */
  export: ServiceExportDetails.optional().catch(undefined),
  headless: HeadlessPod.optional().catch(undefined),
});
export type VisibleOffer = z.infer<typeof VisibleOffer>;

/** A service as a site sees it, with the offers of other sites. */
export const VisibleService = z.object({
  name: ServiceName,
  /** The protocol of the first port. */
  protocol: ServiceProtocol,
  /** The first port. */
  port: Port,
  /** All ports, where the service has several in the network. */
  ports: z.array(ServicePort).min(1).max(MAX_PORTS).optional(),
  /** {@link DEFAULT_BALANCE} unless given, and for a mode of a newer edge. */
  balance: BalanceMode.optional().catch(undefined),
  offers: z.array(VisibleOffer).max(1000),
});
export type VisibleService = z.infer<typeof VisibleService>;

/** Whether a link, or a site in a view, is up. */
export const LinkState = z.enum(["up", "down"]);

/** The state of a link. An older edge does not send the optional fields. */
const LinkStanding = z.object({
  id: LinkId,
  name: LinkName,
  state: LinkState,
  /** Why the link is down; `link.revoked` is final. */
  code: z.string().optional(),
  cost: LinkCost.optional(),
  /** When the state began, ms since 1970 on the edge's clock. */
  since: z.number().optional(),
  /** The round trip between both ends over the edge, ms; null while it is not known. */
  rtt: z.number().min(0).nullable().optional(),
});

/** A link as the connectors of its joiner see it. */
export const LinkReport = LinkStanding.extend({ issuer: IssuerName });
export type LinkReport = z.infer<typeof LinkReport>;

/** A link as the connectors of its issuer see it. */
export const IncomingLink = LinkStanding.extend({ joiner: SiteName });
export type IncomingLink = z.infer<typeof IncomingLink>;

/** An offer that the registry did not accept, and why. */
export const RefusedOffer = z.object({
  name: ServiceName,
  code: z.string().max(64),
  message: z.string().max(500),
});
export type RefusedOffer = z.infer<typeof RefusedOffer>;

/** An offer of an instance that has another port than the instance proposed, and the port of the service. */
export const OfferPort = z.object({ name: ServiceName, port: Port });
export type OfferPort = z.infer<typeof OfferPort>;

/** The most hostnames by which an instance publishes services. */
export const MAX_INGRESS = 64;

/** A service that a connector publishes by a hostname of the edge (docs/protocol.md, "The public door"). */
export const Ingress = z.object({ service: ServiceName, hostname: Hostname, access: DoorAccess });
export type Ingress = z.infer<typeof Ingress>;

/** A published service that the registry did not accept, and why. */
export const RefusedIngress = z.object({
  hostname: z.string().max(253),
  service: ServiceName,
  code: z.string().max(64),
  message: z.string().max(500),
});
export type RefusedIngress = z.infer<typeof RefusedIngress>;

/** The number of incoming links that are not listed. */
const moreIncoming = z.number().int().min(1).optional();

const requestId = z.number().int().min(0);
const generation = z.number().int().min(1);

// ---- connector → registry -------------------------------------------------------------------------

/**
 * The features of this connector beyond the first release of its uplink version (docs/protocol.md, "Versions").
 */
export const CONNECTOR_FEATURES = ["ports", "zones", "udp", "exports"] as const;
/** The name of a feature of this connector. */
export type ConnectorFeature = (typeof CONNECTOR_FEATURES)[number];

/** The first message of a connector. */
export const Hello = z.object({
  type: z.literal("hello"),
  versions: VersionRange,
  boot: BootId,
  software: shownText(100),
  /**
   * The connector's features. A newer connector may name others than {@link CONNECTOR_FEATURES}, and an older
   * connector names none.
   */
  features: z.array(z.string().max(64)).max(64).optional(),
  /** Link certificates, base64 DER. Each must have the key of the site certificate. */
  links: z.array(z.string().max(MAX_CERTIFICATE)).max(MAX_LINKS),
  offers: z.array(Offer).max(MAX_OFFERS),
  /** Sessions that this process holds. The registry ends the other sessions of the process. */
  sessions: z.array(SessionId).max(10_000),
  listeners: z.array(ListenerReport).max(1000),
  /** Services that this instance publishes by hostnames. */
  ingress: z.array(Ingress).max(MAX_INGRESS).optional(),
  /** The connector's clock, ms since 1970. */
  time: z.number().optional(),
});
export type Hello = z.infer<typeof Hello>;

/** Any message of a connector. */
export const ConnectorMessage = z.discriminatedUnion("type", [
  Hello,
  /** Replaces all offers of this instance. */
  z.object({ type: z.literal("offers"), offers: z.array(Offer).max(MAX_OFFERS) }),
  /** Changes offers of this instance: `put` adds or replaces, `gone` removes by name. Only for an edge with `exports`. */
  z.object({
    type: z.literal("offers.changed"),
    put: z.array(Offer).max(MAX_OFFERS),
    gone: z.array(ServiceName).max(MAX_OFFERS),
  }),
  /** Replaces the reports of this instance's listeners. */
  z.object({ type: z.literal("listeners"), listeners: z.array(ListenerReport).max(1000) }),
  /** Replaces what this instance publishes by hostnames. Only for an edge with the feature `ingress`. */
  z.object({ type: z.literal("ingress"), ingress: z.array(Ingress).max(MAX_INGRESS) }),
  /** Requests a session with an instance that offers a service. The reply is `session.grant`. */
  z.object({
    type: z.literal("session.request"),
    id: requestId,
    service: ServiceName,
    peer: z.object({ site: SiteId, boot: BootId }),
    /** Lanes wanted; the registry grants at most {@link MAX_LANES}, and 1 unless given. */
    lanes: z.number().int().min(1).optional(),
    /** End-to-end unless given. Two instances have one session of each mode. */
    encryption: Encryption.optional(),
  }),
  /**
   * Requests new lanes for a session. `generation` is the last one that this side used. The reply is
   * `session.grant`.
   */
  z.object({
    type: z.literal("session.resume"),
    id: requestId,
    session: SessionId,
    generation,
    lanes: z.number().int().min(1).optional(),
  }),
  /** Reports how a generation of a session, or a lane of it, ended. */
  z.object({ type: z.literal("session.ended"), session: SessionId, generation, code: shownText(64) }),
  /** Requests new certificates for the registered key. The reply is `renewed`. */
  z.object({ type: z.literal("renew"), id: requestId }),
  /**
   * Requests a certificate for the listener of a service that the site sees or offers. The reply is `certificate`.
   * Only for an edge with the feature `service-certificates`.
   */
  z.object({
    type: z.literal("certificate.request"),
    id: requestId,
    service: ServiceName,
    /** A self-signed PKCS #10 request, of which only the key counts, base64 DER. */
    csr: z.string().min(1).max(MAX_CERTIFICATE),
    /** The domain of the network's services in DNS; `NETWORK.internal` unless given. */
    domain: z.string().max(253).optional(),
  }),
  /** Requests the view that this site has of the network. The reply is `status`. */
  z.object({ type: z.literal("status.request"), id: requestId }),
  /** Deletes one of this site's links. The reply is `done`. */
  z.object({ type: z.literal("link.delete"), id: requestId, link: LinkName }),
  /**
   * The round trip between connector and edge, ms, by the keep-alive: sent once, and again after a large
   * change.
   */
  z.object({ type: z.literal("measured"), rtt: z.number().min(0).max(600_000) }),
  /**
   * The process ends on purpose. The registry withdraws its offers at once; with `successor`, offers that no other
   * instance of the site makes stay as those of a lost instance do, since another process is expected to make them.
   */
  z.object({ type: z.literal("bye"), successor: z.literal(true).optional() }),
]);
export type ConnectorMessage = z.infer<typeof ConnectorMessage>;

// ---- registry → connector -------------------------------------------------------------------------

/**
 * The features of this edge beyond the first release of its uplink version (docs/protocol.md, "Versions").
 */
export const EDGE_FEATURES = [
  "resume",
  "lanes",
  "hop",
  "links",
  "ports",
  "service-certificates",
  "zones",
  "ingress",
  "udp",
  "telemetry",
  "exports",
] as const;
/** The name of a feature of this edge. */
export type EdgeFeature = (typeof EDGE_FEATURES)[number];

/** The registry's reply to `hello`. */
export const Welcome = z.object({
  type: z.literal("welcome"),
  version: z.number().int(),
  /**
   * The edge's features. A newer edge may name others than {@link EDGE_FEATURES}, and an older edge names
   * none.
   */
  features: z.array(z.string().max(64)).max(64).default([]),
  network: z.object({ id: NetworkId, name: NetworkName }),
  site: z.object({ id: SiteId, name: SiteName }),
  /** The edge's clock, ms since 1970. */
  time: z.number(),
  /** A port at the gateway's host where lanes may be dialled as well, over fewer hops. */
  lanePort: Port.optional(),
  links: z.array(LinkReport),
  incoming: z.array(IncomingLink).default([]),
  moreIncoming,
  /** Offers of the hello that were not accepted. */
  refused: z.array(RefusedOffer).default([]),
  /** Offers of the hello whose services have another port. None unless given. */
  ports: z.array(OfferPort).optional(),
  /** The services that this site sees. They replace its catalogue. */
  services: z.array(VisibleService),
  /**
   * Set when the services do not fit into one message: `services` messages follow, of which the last is
   * `complete`.
   */
  more: z.literal(true).optional(),
});
export type Welcome = z.infer<typeof Welcome>;

/**
 * New certificates for the same key, base64 DER: of the site, of the network CA that signed it, and of each
 * link.
 */
export const Renewal = z.object({
  certificate: CertificateText,
  authority: CertificateText,
  links: z.array(z.object({ id: LinkId, certificate: CertificateText })).max(MAX_LINKS),
  /** The deployment CA, PEM, which may have been re-issued for the same key. */
  ca: z.string().max(8192).optional(),
});
export type Renewal = z.infer<typeof Renewal>;

/** One side's invitation to the lanes of a session. The side dials `LANE_PATH` with each ticket. */
export const Invitation = z.object({
  session: SessionId,
  generation,
  lane: z.number().int().min(0),
  peer: Instance,
  /** End-to-end unless given. */
  encryption: Encryption.optional(),
  ticket: z.string(),
  /**
   * One ticket for each lane; the first is `ticket`. An edge that does not send the field cannot resume
   * sessions, and connectors then use carrier version 1.
   */
  tickets: z.array(z.string()).min(1).max(MAX_LANES).optional(),
  /** The number of lanes that were granted, which is the number of tickets. */
  lanes: z.number().int().min(1).max(MAX_LANES).optional(),
  /** The peer's round trip to the edge, ms, as the peer reported it. Limits that follow it have a ceiling. */
  rtt: z.number().min(0).optional(),
});
export type Invitation = z.infer<typeof Invitation>;

/**
 * An invitation to the session of a door, which has one lane and one generation. The connector dials `LANE_PATH` with
 * the ticket. Only an instance that publishes the hostname gets one.
 */
export const DoorInvitation = z.object({
  session: SessionId,
  door: z.object({ kind: z.literal("door"), hostname: Hostname, id: DoorId, boot: BootId }),
  ticket: z.string(),
});
export type DoorInvitation = z.infer<typeof DoorInvitation>;

/** The network as a site sees it. A view that is too long has no services, which the site already knows. */
export const SiteView = z.object({
  network: z.object({ id: NetworkId, name: NetworkName }),
  sites: z.array(z.object({ id: SiteId, name: SiteName, state: LinkState })),
  services: z.array(VisibleService),
  links: z.array(LinkReport),
  incoming: z.array(IncomingLink).default([]),
  moreIncoming,
});
export type SiteView = z.infer<typeof SiteView>;

/** Any message of the registry. */
export const RegistryMessage = z.discriminatedUnion("type", [
  Welcome,
  /** Changes of the services that the site sees: `put` adds or replaces, `gone` removes by name. */
  z.object({
    type: z.literal("services"),
    put: z.array(VisibleService),
    gone: z.array(ServiceName),
    /**
     * Set in the last message after a `welcome` with `more`. Services that were not sent since then are
     * removed.
     */
    complete: z.literal(true).optional(),
  }),
  /** Replaces the states of this site's links. */
  z.object({
    type: z.literal("links"),
    links: z.array(LinkReport),
    incoming: z.array(IncomingLink).default([]),
    moreIncoming,
  }),
  /**
   * Replaces the list of this instance's offers that are not accepted, and of those whose services have another
   * port.
   */
  z.object({
    type: z.literal("offers.refused"),
    refused: z.array(RefusedOffer),
    ports: z.array(OfferPort).optional(),
  }),
  /** The reply to `link.delete`. */
  z.object({ type: z.literal("done"), id: requestId }),
  /** The reply to `session.request` and `session.resume`. */
  z.object({ type: z.literal("session.grant"), id: requestId, invitation: Invitation }),
  /** Another instance requested a session with this instance, or new lanes of an existing session. */
  z.object({ type: z.literal("session.offer"), invitation: Invitation }),
  /** A door has requests for a service that this instance publishes. */
  z.object({ type: z.literal("door.offer"), invitation: DoorInvitation }),
  /** Replaces the list of what this instance publishes and the registry does not accept. */
  z.object({ type: z.literal("ingress.refused"), refused: z.array(RefusedIngress) }),
  /** This site, or a site with which this instance has a session, has a new name. */
  z.object({ type: z.literal("renamed"), site: SiteId, name: SiteName }),
  /** The session must end now. */
  z.object({ type: z.literal("session.cut"), session: SessionId, code: z.string() }),
  /** The reply to `renew`. */
  z.object({ type: z.literal("renewed"), id: requestId, renewal: Renewal }),
  /** The reply to `certificate.request`: the certificate, base64 DER. */
  z.object({ type: z.literal("certificate"), id: requestId, certificate: CertificateText }),
  /** The reply to `status.request`. */
  z.object({ type: z.literal("status"), id: requestId, view: SiteView }),
  /**
   * With `id`, refuses that request. Without, names the reason for which the registry closes the uplink next.
   */
  z.object({
    type: z.literal("error"),
    id: requestId.optional(),
    error: ErrorBody,
    /** When the request may be repeated, ms from now. */
    retryAfterMs: z.number().int().min(0).optional(),
  }),
]);
export type RegistryMessage = z.infer<typeof RegistryMessage>;

/**
 * The WebSocket close code for an error's HTTP status: 4000 + status. The reason of the close is the error
 * code.
 */
export function closeCodeFor(status: number): number {
  return 4000 + status;
}
