/** Revocation of an issuer's access, in the API. */
import * as z from "zod";
import { LinkId, TokenId } from "../ids.ts";
import { LinkName, SiteName } from "../names.ts";

/**
 * Selects the access to revoke: of `issuer` (name or id of a site, or "network", the default), or of all
 * issuers.
 */
export const RevokeAccess = z
  .object({ issuer: z.string().max(100).optional(), all: z.boolean().default(false) })
  .meta({ id: "RevokeAccess" });
export type RevokeAccess = z.infer<typeof RevokeAccess>;

/** The issuers, tokens, links and number of sessions whose access was revoked. */
export const RevokedAccess = z
  .object({
    issuers: z.array(z.string()),
    tokens: z.array(TokenId),
    links: z.array(z.object({ id: LinkId, name: LinkName, joiner: SiteName, issuer: z.string() })),
    sessions: z.number().int(),
  })
  .meta({ id: "RevokedAccess" });
export type RevokedAccess = z.infer<typeof RevokedAccess>;
