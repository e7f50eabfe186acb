/** API keys and their roles in the API. */
import * as z from "zod";
import { KeyId, NetworkId, SiteId } from "../ids.ts";
import { SiteNameOrId } from "../names.ts";
import { shownText } from "../text.ts";
import { Timestamp } from "./timestamp.ts";

/**
 * The permissions of an API key or identity token. A viewer reads, an operator also changes what is inside
 * its networks, and an admin also creates networks and keys.
 */
export const Role = z.enum(["admin", "operator", "viewer"]);
export type Role = z.infer<typeof Role>;

/** The role of a key: {@link Role}, or `dns` for a key that is good for DNS over HTTPS alone. */
export const KeyRole = z.enum([...Role.options, "dns"]);
export type KeyRole = z.infer<typeof KeyRole>;

/** An API key without its text. */
export const ApiKey = z
  .object({
    id: KeyId,
    name: z.string().min(1).max(100),
    role: KeyRole,
    /** Ids of the networks that the key is valid for; null for all. One network for the role `dns`. */
    networks: z.array(NetworkId).nullable(),
    /** For the role `dns`: the id of the site whose view of the network the answers have. */
    site: SiteId.optional(),
    createdAt: Timestamp,
    /** The last use, to the minute; null before the first. */
    lastUsedAt: Timestamp.nullable().default(null),
  })
  .meta({ id: "ApiKey" });
export type ApiKey = z.infer<typeof ApiKey>;

/** The request to create a key. */
export const CreateKey = z
  .object({
    name: shownText(100).min(1),
    role: KeyRole,
    /** Names or ids of networks; all unless given. One network for the role `dns`. */
    networks: z.array(z.string()).max(100).optional(),
    /** For the role `dns` alone: the name or id of a site of that network. */
    site: SiteNameOrId.optional(),
  })
  .meta({ id: "CreateKey" });

/** A new key. `key` is its text, which no other response has. */
export const CreatedKey = ApiKey.extend({ key: z.string() }).meta({ id: "CreatedKey" });
