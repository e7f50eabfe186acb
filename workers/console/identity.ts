/** Who signed in, as a session stores it, and what that identity may do at present. */
import * as z from "zod";
import { Role } from "../../protocol/api/keys.ts";

export const Identity = z.discriminatedUnion("kind", [
  /** A user of the console. The object knows the user's role. */
  z.object({ kind: z.literal("user"), name: z.string() }),
  /** An API key, by the SHA-256 of its text. The directory knows its role, until it is deleted. */
  z.object({ kind: z.literal("key"), hash: z.string() }),
  /** A person whom an identity provider named, with the values of the claim that gives roles. */
  z.object({
    kind: z.literal("oidc"),
    issuer: z.string(),
    name: z.string(),
    values: z.array(z.string()),
  }),
]);
export type Identity = z.infer<typeof Identity>;

/** What a user of the console may do. */
export const UserGrant = z.object({ role: Role, networks: z.array(z.string()).nullable() });
export type UserGrant = z.infer<typeof UserGrant>;
