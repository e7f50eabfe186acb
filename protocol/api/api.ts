/**
 * Resources of the HTTPS API under /v1. The Worker validates with these schemas and makes its OpenAPI
 * document from them; the CLI reads answers with them. Times are ISO 8601 in UTC.
 */
import { z } from "zod";
import { ErrorBody } from "../errors.ts";
import { EdgeOrigin } from "../front/edge-origin.ts";
import { FrontStatus } from "../front/front-status.ts";
import { KeyId, LinkId, NetworkId, SiteId, TokenId } from "../ids.ts";
import {
  IssuerName,
  LinkCost,
  LinkName,
  NamePattern,
  NetworkName,
  Port,
  ServiceName,
  ServiceProtocol,
  SiteName,
} from "../names.ts";
import { shownText } from "../text.ts";
import { CertificateText, ListenerReport, Renewal } from "../uplink/messages.ts";

const time = z.iso.datetime();

/** Largest request body, in bytes. */
export const MAX_BODY = 64 * 1024;

export const ErrorAnswer = z.object({ error: ErrorBody, requestId: z.string() }).meta({ id: "Error" });

export const Health = z.object({ status: z.literal("ok"), version: z.string() }).meta({ id: "Health" });

// ---- networks ---------------------------------------------------------------------------------------

export const Network = z
  .object({ id: NetworkId, name: NetworkName, createdAt: time })
  .meta({ id: "Network" });
export type Network = z.infer<typeof Network>;
export const CreateNetwork = z.object({ name: NetworkName }).meta({ id: "CreateNetwork" });

/**
 * How much a network may have. `tokens` counts those that still admit; `events` is how many are kept, without those that
 * sites cause at will, which have a part beside; `uplinks` is how many processes of one site may have an uplink.
 */
export const Quotas = z
  .object({
    sites: z.number().int().min(0).max(100_000),
    services: z.number().int().min(0).max(100_000),
    tokens: z.number().int().min(0).max(100_000),
    sessions: z.number().int().min(0).max(1_000_000),
    events: z.number().int().min(100).max(1_000_000),
    uplinks: z.number().int().min(1).max(1000),
  })
  .meta({ id: "Quotas" });
export type Quotas = z.infer<typeof Quotas>;
export const DEFAULT_QUOTAS: Quotas = {
  sites: 1000,
  services: 1000,
  tokens: 1000,
  sessions: 10_000,
  events: 10_000,
  uplinks: 32,
};
/** A network's quotas and how much of each is used. */
export const QuotaUse = z
  .object({ limits: Quotas, used: z.record(Quotas.keyof(), z.number().int().min(0)) })
  .meta({ id: "QuotaUse" });
export type QuotaUse = z.infer<typeof QuotaUse>;
/** What is left out stays. */
export const SetQuotas = Quotas.partial().meta({ id: "SetQuotas" });
export type SetQuotas = z.infer<typeof SetQuotas>;

// ---- keys -------------------------------------------------------------------------------------------

/** What a key may do: viewer reads; operator also changes things inside its networks; admin also makes networks and keys. */
export const Role = z.enum(["admin", "operator", "viewer"]);
export type Role = z.infer<typeof Role>;

export const ApiKey = z
  .object({
    id: KeyId,
    name: z.string().min(1).max(100),
    role: Role,
    /** Ids of the networks it is good for; null is all of them. */
    networks: z.array(NetworkId).nullable(),
    createdAt: time,
    /** To the minute; null when it was never used. */
    lastUsedAt: time.nullable().default(null),
  })
  .meta({ id: "ApiKey" });
export type ApiKey = z.infer<typeof ApiKey>;
export const CreateKey = z
  .object({
    name: shownText(100).min(1),
    role: Role,
    /** Names or ids of networks; leave out for all. */
    networks: z.array(z.string()).max(100).optional(),
  })
  .meta({ id: "CreateKey" });
export const CreatedKey = ApiKey.extend({ key: z.string() }).meta({ id: "CreatedKey" });

// ---- tokens -----------------------------------------------------------------------------------------

export const TOKEN_DEFAULTS = { uses: 1, expirySeconds: 15 * 60 } as const;
export const TOKEN_LIMITS = { uses: 10_000, expirySeconds: 30 * 24 * 3600 } as const;

export const TokenState = z.enum(["good", "used_up", "expired", "revoked"]);
export const Token = z
  .object({
    id: TokenId,
    /** "network", or the name of the site on whose behalf it was made. */
    issuer: z.string(),
    /** The one site that it admits, without a link; any site when it is left out. */
    site: SiteName.optional(),
    uses: z.number().int(),
    used: z.number().int(),
    state: TokenState,
    createdAt: time,
    expiresAt: time,
  })
  .meta({ id: "Token" });
export type Token = z.infer<typeof Token>;
export const CreateToken = z
  .object({
    /** Name or id of the issuing site; the network itself unless given. */
    issuer: z.string().max(100).optional(),
    uses: z.number().int().min(1).max(TOKEN_LIMITS.uses).default(TOKEN_DEFAULTS.uses),
    expirySeconds: z
      .number()
      .int()
      .min(1)
      .max(TOKEN_LIMITS.expirySeconds)
      .default(TOKEN_DEFAULTS.expirySeconds),
  })
  .meta({ id: "CreateToken" });
export type CreateToken = z.infer<typeof CreateToken>;
/** `file` is the token file's content (YAML); it is shown this once. */
export const CreatedToken = Token.extend({ file: z.string() }).meta({ id: "CreatedToken" });

// ---- sites, links, services -------------------------------------------------------------------------

/** `new` was made by name and has not joined yet. */
export const SiteState = z.enum(["new", "up", "down", "revoked"]);
export const Site = z
  .object({
    id: SiteId,
    name: SiteName,
    state: SiteState,
    /** When it took this state. */
    since: time,
    createdAt: time,
    /** Null before it has joined. */
    certificateExpiresAt: time.nullable(),
    /** Names of services that it may offer; null is any. */
    mayOffer: z.array(NamePattern).nullable(),
    instances: z.array(z.object({ boot: z.string(), since: time, software: z.string() })),
    services: z.array(ServiceName),
    listeners: z.array(ListenerReport),
  })
  .meta({ id: "Site" });
export type Site = z.infer<typeof Site>;

/** Makes a member without links. Again for one that is still `new`: another token for it, in place of the former. */
export const CreateSite = z
  .object({
    name: SiteName,
    mayOffer: z.array(NamePattern).max(100).nullable().default(null),
    expirySeconds: CreateToken.shape.expirySeconds,
  })
  .meta({ id: "CreateSite" });
export type CreateSite = z.infer<typeof CreateSite>;
/** The token admits exactly this site, once. */
export const CreatedSite = z.object({ site: Site, token: CreatedToken }).meta({ id: "CreatedSite" });
export type CreatedSite = z.infer<typeof CreatedSite>;
/** What is left out stays. */
export const UpdateSite = z
  .object({ name: SiteName.optional(), mayOffer: z.array(NamePattern).max(100).nullable().optional() })
  .meta({ id: "UpdateSite" });
export type UpdateSite = z.infer<typeof UpdateSite>;

export const Link = z
  .object({
    id: LinkId,
    name: LinkName,
    joiner: SiteName,
    issuer: z.string(),
    cost: LinkCost,
    state: z.enum(["up", "down"]),
    /** Why it is down; `link.revoked` for good. */
    code: z.string().optional(),
    /** When it took this state. */
    since: time,
    /** Round trip between its ends through the edge, ms; null while it is not known. */
    rtt: z.number().min(0).nullable(),
    createdAt: time,
  })
  .meta({ id: "Link" });
export type Link = z.infer<typeof Link>;

/** Whose tokens and links die: `issuer` (name or id of a site, or "network", the default), or everybody's. */
export const RevokeAccess = z
  .object({ issuer: z.string().max(100).optional(), all: z.boolean().default(false) })
  .meta({ id: "RevokeAccess" });
export type RevokeAccess = z.infer<typeof RevokeAccess>;
/** What died. */
export const RevokedAccess = z
  .object({
    issuers: z.array(z.string()),
    tokens: z.array(TokenId),
    links: z.array(z.object({ id: LinkId, name: LinkName, joiner: SiteName, issuer: z.string() })),
    sessions: z.number().int(),
  })
  .meta({ id: "RevokedAccess" });
export type RevokedAccess = z.infer<typeof RevokedAccess>;

export const Service = z
  .object({
    name: ServiceName,
    protocol: ServiceProtocol,
    port: Port,
    sites: z.array(z.object({ name: SiteName, state: z.enum(["up", "down"]) })),
  })
  .meta({ id: "Service" });
export type Service = z.infer<typeof Service>;

export const NetworkStatus = z
  .object({
    network: Network,
    sites: z.array(Site),
    links: z.array(Link),
    services: z.array(Service),
    /** Of an embedded edge: what strangers did at its ports, and which way lanes take. */
    edge: FrontStatus.optional(),
  })
  .meta({ id: "NetworkStatus" });
export type NetworkStatus = z.infer<typeof NetworkStatus>;

// ---- events -----------------------------------------------------------------------------------------

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
    at: time,
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
  since: time.optional(),
  /** How many of the newest, at the most. */
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});
export type EventQuery = z.infer<typeof EventQuery>;

// ---- joining ----------------------------------------------------------------------------------------

/** What a joining connector sends. The CSR is PKCS #10, base64 DER, ECDSA P-256. */
export const Redeem = z
  .object({
    claim: z.string().max(300),
    site: SiteName,
    csr: z.string().max(8192),
    /** What the link is to be called and cost; the next of link1, link2, … and 1 unless given. */
    link: z.object({ name: LinkName.optional(), cost: LinkCost.optional() }).optional(),
  })
  .meta({ id: "Redeem" });
export type Redeem = z.infer<typeof Redeem>;

/** What it gets. Certificates are base64 DER. */
export const Admission = z
  .object({
    network: z.object({ id: NetworkId, name: NetworkName }),
    site: z.object({ id: SiteId, name: SiteName }),
    /** The site certificate. */
    certificate: CertificateText,
    /** The network CA that signed it. */
    authority: CertificateText,
    /** Null when the token admits its site without a link. */
    link: z
      .object({
        id: LinkId,
        name: LinkName,
        issuer: IssuerName,
        cost: LinkCost.default(1),
        certificate: CertificateText,
      })
      .nullable(),
    /** Where uplinks and lanes are dialled, and the audience of assertions; no site takes what its token file contradicts. */
    edge: z.object({ links: EdgeOrigin, audience: EdgeOrigin }),
  })
  .meta({ id: "Admission" });
export type Admission = z.infer<typeof Admission>;

/** Renewal after a long sleep: an assertion with purpose `renew`, its `x5c` possibly expired. */
export const Renew = z.object({ assertion: z.string().max(16_384) }).meta({ id: "Renew" });
export const RenewalAnswer = Renewal.meta({ id: "Renewal" });
