/** Sites of a network in the API. */
import { z } from "zod";
import { SiteId } from "../ids.ts";
import { NamePattern, ServiceName, SiteName } from "../names.ts";
import { ListenerReport } from "../uplink/messages.ts";
import { Timestamp } from "./timestamp.ts";
import { CreatedToken, CreateToken } from "./tokens.ts";

/** `new` was made by name and has not joined yet. */
export const SiteState = z.enum(["new", "up", "down", "revoked"]);

export const Site = z
  .object({
    id: SiteId,
    name: SiteName,
    state: SiteState,
    /** When it took this state. */
    since: Timestamp,
    createdAt: Timestamp,
    /** Null before it has joined. */
    certificateExpiresAt: Timestamp.nullable(),
    /** Names of services that it may offer; null is any. */
    mayOffer: z.array(NamePattern).nullable(),
    instances: z.array(z.object({ boot: z.string(), since: Timestamp, software: z.string() })),
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
