/** Tokens in the API. */
import * as z from "zod";
import { TokenId } from "../ids.ts";
import { SiteName } from "../names.ts";
import { Timestamp } from "./timestamp.ts";

/** Uses and lifetime of a token unless given. */
export const TOKEN_DEFAULTS = { uses: 1, expirySeconds: 15 * 60 } as const;

/** The most uses and the longest lifetime of a token. */
export const TOKEN_LIMITS = { uses: 10_000, expirySeconds: 30 * 24 * 3600 } as const;

/** The state of a token. A `good` token admits. */
export const TokenState = z.enum(["good", "used_up", "expired", "revoked"]);

/** A token without its claim. */
export const Token = z
  .object({
    id: TokenId,
    /** "network", or the name of the issuing site. */
    issuer: z.string(),
    /** The only site that the token admits, without a link; any site when it is missing. */
    site: SiteName.optional(),
    uses: z.number().int(),
    used: z.number().int(),
    state: TokenState,
    createdAt: Timestamp,
    expiresAt: Timestamp,
  })
  .meta({ id: "Token" });
export type Token = z.infer<typeof Token>;

/** The request to create a token. */
export const CreateToken = z
  .object({
    /** Name or id of the issuing site; the network unless given. */
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

/** A new token. `file` is the YAML text of the token file, which no other response has. */
export const CreatedToken = Token.extend({ file: z.string() }).meta({ id: "CreatedToken" });
