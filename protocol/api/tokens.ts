/** Tokens in the API. */
import { z } from "zod";
import { TokenId } from "../ids.ts";
import { SiteName } from "../names.ts";
import { Timestamp } from "./timestamp.ts";

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
    createdAt: Timestamp,
    expiresAt: Timestamp,
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
