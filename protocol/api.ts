/**
 * Resources of the HTTPS API under /v1. The Worker validates with these schemas and makes its OpenAPI
 * document from them; the CLI reads answers with them. Times are ISO 8601 in UTC.
 */
import { z } from "zod";
import { ErrorBody } from "./errors.ts";
import { KeyId, LinkId, NetworkId, SiteId, TokenId } from "./ids.ts";
import { ListenerReport, Renewal } from "./messages.ts";
import { LinkName, NetworkName, Port, ServiceName, ServiceProtocol, SiteName } from "./names.ts";

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
  })
  .meta({ id: "ApiKey" });
export type ApiKey = z.infer<typeof ApiKey>;
export const CreateKey = z
  .object({
    name: z.string().min(1).max(100),
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
    issuer: z.string(),
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
    uses: z.number().int().min(1).max(TOKEN_LIMITS.uses).default(TOKEN_DEFAULTS.uses),
    expirySeconds: z
      .number()
      .int()
      .min(1)
      .max(TOKEN_LIMITS.expirySeconds)
      .default(TOKEN_DEFAULTS.expirySeconds),
  })
  .meta({ id: "CreateToken" });
/** `file` is the token file's content (YAML); it is shown this once. */
export const CreatedToken = Token.extend({ file: z.string() }).meta({ id: "CreatedToken" });

// ---- sites, links, services -------------------------------------------------------------------------

export const SiteState = z.enum(["up", "down", "revoked"]);
export const Site = z
  .object({
    id: SiteId,
    name: SiteName,
    state: SiteState,
    /** When it took this state. */
    since: time,
    createdAt: time,
    certificateExpiresAt: time,
    instances: z.array(z.object({ boot: z.string(), since: time, software: z.string() })),
    services: z.array(ServiceName),
    listeners: z.array(ListenerReport),
  })
  .meta({ id: "Site" });
export type Site = z.infer<typeof Site>;

export const Link = z
  .object({
    id: LinkId,
    name: LinkName,
    joiner: SiteName,
    issuer: z.string(),
    cost: z.number().int(),
    state: z.enum(["up", "down"]),
    code: z.string().optional(),
    createdAt: time,
  })
  .meta({ id: "Link" });
export type Link = z.infer<typeof Link>;

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
  })
  .meta({ id: "NetworkStatus" });
export type NetworkStatus = z.infer<typeof NetworkStatus>;

// ---- events -----------------------------------------------------------------------------------------

export const EventType = z.enum([
  "network.created",
  "token.created",
  "token.redeemed",
  "token.refused",
  "token.revoked",
  "site.joined",
  "site.up",
  "site.down",
  "site.revoked",
  "site.deleted",
  "link.up",
  "link.down",
  "service.appeared",
  "service.gone",
  "service.contested",
  "listener.failed",
  "listener.restored",
  "certificate.renewed",
  "uplink.refused",
  "session.ended",
]);
export type EventType = z.infer<typeof EventType>;

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
  })
  .meta({ id: "Event" });
export type NetworkEvent = z.infer<typeof NetworkEvent>;

export const EventQuery = z.object({
  /** Only events with a larger id. */
  after: z.coerce.number().int().min(0).optional(),
  type: EventType.optional(),
  /** How many of the newest, at the most. */
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});

// ---- joining ----------------------------------------------------------------------------------------

/** What a joining connector sends. The CSR is PKCS #10, base64 DER, ECDSA P-256. */
export const Redeem = z
  .object({ claim: z.string().max(300), site: SiteName, csr: z.string().max(8192) })
  .meta({ id: "Redeem" });
export type Redeem = z.infer<typeof Redeem>;

/** What it gets. Certificates are base64 DER. */
export const Admission = z
  .object({
    network: z.object({ id: NetworkId, name: NetworkName }),
    site: z.object({ id: SiteId, name: SiteName }),
    /** The site certificate. */
    certificate: z.string(),
    /** The network CA that signed it. */
    authority: z.string(),
    link: z.object({ id: LinkId, name: LinkName, issuer: z.string(), certificate: z.string() }),
    /** Where uplinks and lanes are dialled, and the audience of assertions. */
    edge: z.object({ links: z.url(), audience: z.string() }),
  })
  .meta({ id: "Admission" });
export type Admission = z.infer<typeof Admission>;

/** Renewal after a long sleep: an assertion with purpose `renew`, its `x5c` possibly expired. */
export const Renew = z.object({ assertion: z.string().max(16_384) }).meta({ id: "Renew" });
export const RenewalAnswer = Renewal.meta({ id: "Renewal" });
