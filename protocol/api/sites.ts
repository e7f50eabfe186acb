/** Sites of a network in the API. */
import * as z from "zod";
import { SiteId } from "../ids.ts";
import { NamePattern, ServiceName, SiteName } from "../names.ts";
import { ListenerReport, RefusedOffer } from "../uplink/messages.ts";
import { Timestamp } from "./timestamp.ts";
import { CreatedToken, CreateToken } from "./tokens.ts";

/** The state of a site. A `new` site was created by name and has not joined yet. */
export const SiteState = z.enum(["new", "up", "down", "revoked"]);

/** A site of a network. */
export const Site = z
  .object({
    id: SiteId,
    name: SiteName,
    state: SiteState,
    /** Set while the site is down because its last connector was stopped, and not lost. */
    stopped: z.literal(true).optional(),
    /** When the state began. */
    since: Timestamp,
    createdAt: Timestamp,
    /** The expiry of the site certificate; null before the site has joined. */
    certificateExpiresAt: Timestamp.nullable(),
    /** Patterns of the service names that the site may offer; null for all. */
    mayOffer: z.array(NamePattern).nullable(),
    instances: z.array(
      z.object({
        boot: z.string(),
        since: Timestamp,
        software: z.string(),
        /** Its round trip to the edge, ms; null while unknown. An older edge does not send it. */
        rtt: z.number().min(0).nullable().optional(),
      }),
    ),
    services: z.array(ServiceName),
    /** Offers that the network refuses, once for each service. An older edge does not send them. */
    refused: z.array(RefusedOffer).optional(),
    listeners: z.array(
      ListenerReport.extend({
        /** When the listener took its state. An older edge does not send it. */
        since: Timestamp.optional(),
      }),
    ),
  })
  .meta({ id: "Site" });
export type Site = z.infer<typeof Site>;

/**
 * The request to create a site without links. For a site that is still `new`, it replaces the site's token.
 */
export const CreateSite = z
  .object({
    name: SiteName,
    mayOffer: z.array(NamePattern).max(100).nullable().default(null),
    expirySeconds: CreateToken.shape.expirySeconds,
  })
  .meta({ id: "CreateSite" });
export type CreateSite = z.infer<typeof CreateSite>;

/** A created site, with a token that admits exactly this site, once. */
export const CreatedSite = z.object({ site: Site, token: CreatedToken }).meta({ id: "CreatedSite" });
export type CreatedSite = z.infer<typeof CreatedSite>;

/** The request to change a site. Fields that are left out keep their values. */
export const UpdateSite = z
  .object({ name: SiteName.optional(), mayOffer: z.array(NamePattern).max(100).nullable().optional() })
  .meta({ id: "UpdateSite" });
export type UpdateSite = z.infer<typeof UpdateSite>;
