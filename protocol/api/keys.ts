/** API keys and their roles in the API. */
import { z } from "zod";
import { KeyId, NetworkId } from "../ids.ts";
import { shownText } from "../text.ts";
import { Timestamp } from "./timestamp.ts";

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
    createdAt: Timestamp,
    /** To the minute; null when it was never used. */
    lastUsedAt: Timestamp.nullable().default(null),
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
