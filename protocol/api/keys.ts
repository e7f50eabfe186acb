/** API keys and their roles in the API. */
import { z } from "zod";
import { KeyId, NetworkId } from "../ids.ts";
import { shownText } from "../text.ts";
import { Timestamp } from "./timestamp.ts";

/**
 * The permissions of an API key or identity token. A viewer reads, an operator also changes what is inside
 * its networks, and an admin also creates networks and keys.
 */
export const Role = z.enum(["admin", "operator", "viewer"]);
export type Role = z.infer<typeof Role>;

/** An API key without its text. */
export const ApiKey = z
  .object({
    id: KeyId,
    name: z.string().min(1).max(100),
    role: Role,
    /** Ids of the networks that the key is valid for; null for all. */
    networks: z.array(NetworkId).nullable(),
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
    role: Role,
    /** Names or ids of networks; all unless given. */
    networks: z.array(z.string()).max(100).optional(),
  })
  .meta({ id: "CreateKey" });

/** A new key. `key` is its text, which no other response has. */
export const CreatedKey = ApiKey.extend({ key: z.string() }).meta({ id: "CreatedKey" });
