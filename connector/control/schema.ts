/** The resources of the control socket, through which commands at a site reach its connector. */
import * as z from "zod";
import { BalanceMode } from "../../protocol/balance.ts";
import { EdgeOrigin } from "../../protocol/front/edge-origin.ts";
import { DoorAccess } from "../../protocol/hostnames.ts";
import { LinkId } from "../../protocol/ids.ts";
import { LinkCost, LinkName, Port, ServiceName, ServiceProtocol, SiteName } from "../../protocol/names.ts";
import {
  Encryption,
  LinkState,
  ListenerReport,
  MAX_PORTS,
  ServicePort,
} from "../../protocol/uplink/messages.ts";
import { HealthTexts } from "../config/health-options.ts";
import { Scope } from "../config/scope.ts";
import { DEFAULT_HOST } from "../config/service-options.ts";
import { ExposedPortSchema } from "../targets/offers.ts";

const time = z.iso.datetime();

/** Name of the socket in the state directory. */
export const CONTROL_SOCKET = "control.sock";

/** A service that other sites offer, with its listener here. */
export const ServiceLine = z.object({
  name: ServiceName,
  protocol: ServiceProtocol,
  port: Port,
  /** Names of the sites that offer the service, each once. */
  sites: z.array(SiteName),
  /** Those of the sites whose targets of the first port are all down; none unless given. */
  down: z.array(SiteName).optional(),
  /** The listener for the first port. Null until it has a state, and while the port has none. */
  listener: ListenerReport.omit({ service: true }).nullable(),
  /** All ports, where the service has several. */
  ports: z
    .array(
      ServicePort.extend({
        sites: z.array(SiteName),
        down: z.array(SiteName).optional(),
        listener: ListenerReport.omit({ service: true }).nullable(),
        /** The reason why this site uses none of the offers. */
        code: z.string().optional(),
      }),
    )
    .optional(),
  /** How this site chooses between the sites; "cost" unless given. */
  balance: BalanceMode.optional(),
  /** "hop" if one of the sites offers the service with hop encryption; end-to-end unless given. */
  encryption: Encryption.optional(),
  /** The reason why this site uses none of the offers. */
  code: z.string().optional(),
});
export type ServiceLine = z.infer<typeof ServiceLine>;

/** A failure and what to do about it. */
export const Trouble = z.object({
  code: z.string(),
  message: z.string().optional(),
  action: z.string().optional(),
});
export type Trouble = z.infer<typeof Trouble>;

/** One address of a target, with its health. */
export const TargetLine = z.object({
  /** `HOST:PORT` */
  target: z.string(),
  /** The address, if the host is a name. */
  address: z.string().optional(),
  state: z.enum(["up", "down"]),
  since: time,
  /** Connections and requests in progress. */
  open: z.number().int(),
  /** The last failure. A target that is up has one while fewer have failed than it takes. */
  ...Trouble.partial().shape,
});
export type TargetLine = z.infer<typeof TargetLine>;

/** The health of a port's targets. */
export const PortHealthLine = z.object({
  state: z.enum(["up", "down"]),
  since: time,
  /** Set while other sites do not use the port at this instance, because all targets are down. */
  withdrawn: z.literal(true).optional(),
  targets: z.array(TargetLine),
});
export type PortHealthLine = z.infer<typeof PortHealthLine>;

/** A port of a service that this site offers. */
export const OfferPortLine = ExposedPortSchema.extend({
  /** None at a port of a controller's service that has no server now. */
  targets: ExposedPortSchema.shape.targets.element.array(),
  /** The port in the network. Absent if the offer is refused. */
  networkPort: Port.optional(),
  /** A connector of 0.1.0 sends none. */
  health: PortHealthLine.optional(),
});
export type OfferPortLine = z.infer<typeof OfferPortLine>;

/** A service that this site offers, with its targets. `refused` is the network's reason to refuse the offer. */
export const OfferLine = z.object({
  name: ServiceName,
  /** The first target of the first port: an empty host, and the port of the service, while it has none. */
  host: z.string(),
  port: Port,
  /** What a controller offers by it, such as "Service shop/frontend". */
  source: z.string().optional(),
  /** Of the first port. */
  ...OfferPortLine.omit({ targets: true, health: true }).shape,
  /** All ports. A connector of 0.1.0 sends none. */
  ports: z.array(OfferPortLine).optional(),
  to: Scope,
  encryption: Encryption.optional(),
  refused: Trouble.optional(),
});
export type OfferLine = z.infer<typeof OfferLine>;

export const SessionLine = z.object({
  id: z.string(),
  /** Name of the peer's site. */
  peer: z.string(),
  boot: z.string(),
  encryption: Encryption.optional(),
  state: z.string(),
  /** Features that the peer named in HELLO (docs/protocol.md, "Features of a session"). */
  peerFeatures: z.array(z.string()).default([]),
  since: time,
  streams: z.number().int(),
  /** Generation of the lanes, which grows each time that they are replaced. */
  generation: z.number().int().optional(),
  /** Number of joined lanes. */
  lanes: z.number().int().optional(),
  /** Round trip to the peer, ms; null while unknown. */
  rtt: z.number().nullable().optional(),
});
export type SessionLine = z.infer<typeof SessionLine>;

/** The fields that links of both directions share. */
const LinkFields = z.object({
  id: LinkId,
  name: LinkName,
  state: LinkState,
  /** Why the link is down. */
  code: z.string().optional(),
  /** What to do about it. */
  action: z.string().optional(),
  cost: LinkCost.optional(),
  /** When the link took this state, by the edge's clock. */
  since: time.optional(),
  /** Round trip between its ends through the edge, ms; null while unknown. */
  rtt: z.number().nullable(),
});
/** A link that this site made. */
export const LinkLine = LinkFields.extend({ issuer: z.string() });
export type LinkLine = z.infer<typeof LinkLine>;
/** A link that another site made with a token of this one. */
export const IncomingLine = LinkFields.extend({ joiner: SiteName });
export type IncomingLine = z.infer<typeof IncomingLine>;

export const UplinkLine = z.object({
  state: z.enum(["idle", "connecting", "up", "waiting", "refused", "closed"]),
  since: time,
  /** Why the uplink is not up. */
  code: z.string().optional(),
  message: z.string().optional(),
  action: z.string().optional(),
  /** When the connector tries again. */
  retryAt: time.optional(),
  /** Round trip to the edge, ms; null while unknown. */
  rtt: z.number().nullable().optional(),
});
export type UplinkLine = z.infer<typeof UplinkLine>;

/** File descriptors of the connector's process. */
export const DescriptorLine = z.object({
  used: z.number().int(),
  limit: z.number().int(),
  /** Number of clients, streams and lanes refused for lack of descriptors since the process began. */
  refused: z.number().int(),
  /** Present while new connections are refused. */
  code: z.string().optional(),
  action: z.string().optional(),
});
export type DescriptorLine = z.infer<typeof DescriptorLine>;

/** The configuration file of the connector. */
export const ConfigLine = z.object({
  file: z.string(),
  /** When the file was last loaded. */
  loadedAt: time,
  /** Why the file's current content was not loaded. */
  error: Trouble.optional(),
  /** Fields whose values in the file take effect at the next start. */
  restartNeeded: z.array(z.string()),
});
export type ConfigLine = z.infer<typeof ConfigLine>;

/** A DNS server of the connector. */
export const DnsServerLine = z.object({
  address: z.string(),
  state: z.enum(["starting", "listening", "failed", "closed"]),
  /** Why the server does not listen. */
  code: z.string().optional(),
  message: z.string().optional(),
  action: z.string().optional(),
});
export type DnsServerLine = z.infer<typeof DnsServerLine>;

/** DNS for the network's services at this site. */
export const DnsLine = z.object({
  /** The domain of the network's services. */
  domain: z.string(),
  servers: z.array(DnsServerLine),
  /** Zones of this site that others may resolve, with their servers. None unless given. */
  /** Reverse zones of the addresses that services have here. */
  reverse: z.array(z.string()).optional(),
  offered: z
    .array(z.object({ domain: z.string(), servers: z.array(z.string()), to: z.array(z.string()).optional() }))
    .optional(),
  /** Zones of other sites that this site resolves, with the sites that offer them. None unless given. */
  accepted: z.array(z.object({ domain: z.string(), sites: z.array(z.string()) })).optional(),
});
export type DnsLine = z.infer<typeof DnsLine>;

/** A service that this site publishes by a hostname of the edge. */
export const IngressLine = z.object({
  hostname: z.string(),
  service: ServiceName,
  access: DoorAccess,
  /** "waiting" while the network has not been asked, or this site does not offer the service. */
  state: z.enum(["published", "refused", "waiting"]),
  /** Whether the network has the hostname; null while that is unknown. */
  granted: z.boolean().nullable(),
  /** Why it is not published. */
  ...Trouble.partial().shape,
});
export type IngressLine = z.infer<typeof IngressLine>;

export const Services = z.object({
  services: z.array(ServiceLine),
  offers: z.array(OfferLine),
  /** What this site publishes by hostnames. A connector that publishes nothing, or of 0.1.0, sends none. */
  ingress: z.array(IngressLine).optional(),
});
export type Services = z.infer<typeof Services>;
export const Links = z.object({
  links: z.array(LinkLine),
  incoming: z.array(IncomingLine),
  /** Number of incoming links that are not listed. */
  moreIncoming: z.number().int().optional(),
});
export type Links = z.infer<typeof Links>;
export const Sessions = z.object({ sessions: z.array(SessionLine) });
export type Sessions = z.infer<typeof Sessions>;

/** The configuration that the connector runs with. Its fields are those of the version of the connector. */
export const Configuration = z.record(z.string(), z.unknown());
export type Configuration = z.infer<typeof Configuration>;

/** The last lines of the connector's log, oldest first, as JSON. */
export const LogLines = z.object({ lines: z.array(z.string()) });
export type LogLines = z.infer<typeof LogLines>;

/** Which service a trial connection goes to. */
export const TrialRequest = z.strictObject({ service: ServiceName, port: Port.optional() });
export type TrialRequest = z.infer<typeof TrialRequest>;

/** Where a trial connection ended. */
export const Trial = z.object({
  /** The name of the site whose target accepted. */
  site: SiteName,
  session: z.string().nullable(),
  stream: z.number().nullable(),
  /** From the start until the target had accepted, ms. */
  ms: z.number(),
});
export type Trial = z.infer<typeof Trial>;

/** The Kubernetes cluster of a connector. */
export const KubernetesLine = z.object({
  /** URL of the API server. */
  server: z.string(),
  /** Namespace of the connector's own objects. */
  namespace: z.string(),
  /** Namespaces whose objects may be exported; null for all. */
  watched: z.array(z.string()).nullable(),
  /** Namespaces in which Services for the network's services are made. */
  imports: z.array(z.string()),
  api: z.object({
    /** Unknown before the first answer. */
    state: z.enum(["up", "down", "unknown"]),
    since: time.optional(),
    /** Why requests fail. */
    message: z.string().optional(),
  }),
  /** Whether this connector writes to the cluster for its site. */
  leads: z.boolean(),
  /** Rights that the connector's account lacks; a namespace of null stands for all. */
  missingRights: z.array(
    z.object({ verb: z.string(), resource: z.string(), namespace: z.string().nullable() }),
  ),
  /** Lists and watches that failed since the start. */
  watchFailures: z.number().int(),
  /** Writes that failed since the start, apart from conflicts. */
  writeFailures: z.number().int(),
});
export type KubernetesLine = z.infer<typeof KubernetesLine>;

export const Status = z.object({
  site: z.object({ id: z.string(), name: SiteName }),
  network: z.object({ id: z.string(), name: z.string() }),
  /** The edge's API address. */
  edge: z.string(),
  boot: z.string(),
  software: z.string(),
  uplink: UplinkLine,
  certificateExpiresAt: time,
  /** Why the last attempt to renew the certificate failed. */
  renewal: Trouble.optional(),
  /** How much the edge's clock is ahead of this site's, ms, if that matters; null while unknown. */
  clockSkewMs: z.number().nullable().optional(),
  /** Null if the system does not report it. */
  descriptors: DescriptorLine.nullable().optional(),
  /** Absent if the configuration comes from no file. */
  config: ConfigLine.optional(),
  /** Number of other sites that are up; null while the uplink is down. */
  otherSites: z.number().int().nullable(),
  /** Client connections that have not ended: of this site's listeners, and of other sites to this site's targets. */
  flows: z.number().int().optional(),
  /** Absent if the connector answers no DNS. */
  dns: DnsLine.optional(),
  /** Absent outside of Kubernetes. */
  kubernetes: KubernetesLine.optional(),
  ...Links.shape,
  ...Services.shape,
  ...Sessions.shape,
});
export type Status = z.infer<typeof Status>;

/**
 * Body of `POST /services`: the first port with its first target, and all ports where there is more. The host is
 * 127.0.0.1 unless given. What else is not given stays as it is if the site offers the service already.
 */
export const ExposeRequest = z.object({
  name: ServiceName,
  host: z.string().min(1).max(253).default(DEFAULT_HOST),
  port: Port,
  protocol: ServiceProtocol.optional(),
  grpc: z.literal(true).optional(),
  /** The port that the site asks for. */
  servicePort: Port.optional(),
  ports: z
    .array(ExposedPortSchema.partial({ protocol: true }).omit({ firstPort: true }))
    .min(1)
    .max(MAX_PORTS)
    .optional(),
  to: Scope,
  /** Health checks of the service. An older connector takes no notice of them. */
  health: HealthTexts.optional(),
});
export type ExposeRequest = z.input<typeof ExposeRequest>;

/** Answer to `POST /services`: the offer as it is now. A connector of 0.1.0 sends none of the optional fields. */
export const ExposedService = OfferLine.extend({
  /** The first of the targets that the service no longer has. */
  movedFrom: z.object({ host: z.string(), port: Port }).optional(),
  /** All of them, if there are several. */
  movedFromAll: z.array(z.object({ host: z.string(), port: Port })).optional(),
  /** Set if the configuration has the service too, which is as configured again at the next start. */
  configured: z.literal(true).optional(),
  /** Why no server answers at the target. */
  warning: Trouble.optional(),
});
export type ExposedService = z.infer<typeof ExposedService>;

/** Body of `POST /edge`: another address of the edge. Unless given, the edge names its gateway. */
export const MoveRequest = z.object({ api: EdgeOrigin, gateway: EdgeOrigin.optional() });
export type MoveRequest = z.infer<typeof MoveRequest>;

/** Answer to `POST /edge`: the site and the addresses that it uses from now on. */
export const MovedSite = z.object({ site: SiteName, edge: z.string(), gateway: z.string() });
export type MovedSite = z.infer<typeof MovedSite>;

/** Body of `POST /links`. */
export const LinkRequest = z.object({
  /** The token file's content. */
  token: z.string(),
  name: LinkName.optional(),
  cost: LinkCost.optional(),
});
export type LinkRequest = z.infer<typeof LinkRequest>;

/** Answer to `POST /links`: the link as the registry created it. It is not up yet. */
export const CreatedLink = z.object({ id: LinkId, name: LinkName, issuer: z.string(), edge: z.string() });
export type CreatedLink = z.infer<typeof CreatedLink>;
