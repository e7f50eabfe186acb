/** What the operator configured about identity tokens, from the Worker's variables. */
import { z } from "zod";
import { DEFAULT_OIDC_CLAIM, IssuerUrl, OidcRoles, ProviderUrl } from "../../protocol/api/oidc.ts";
import { parseWith } from "../../protocol/parse.ts";
import type { OidcVariables } from "../oidc-variables.ts";
import type { Grant } from "./caller.ts";

export interface OidcSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly claim: string;
  /** By value of the claim. */
  readonly grants: ReadonlyMap<string, Grant>;
  /** Null: the discovery document tells. */
  readonly jwks: string | null;
}

const json = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue({ code: "custom", message: "is not JSON" });
    return z.NEVER;
  }
});

/** An empty variable is none: wrangler.toml cannot unset one. */
const orNone = <T extends z.ZodType>(schema: T) => z.preprocess((value) => value || undefined, schema);

const Variables = z.object({
  OIDC_ISSUER: IssuerUrl,
  OIDC_AUDIENCE: z.string().min(1),
  OIDC_CLAIM: orNone(z.string().default(DEFAULT_OIDC_CLAIM)),
  OIDC_ROLES: json.pipe(OidcRoles),
  OIDC_JWKS: orNone(ProviderUrl.optional()),
});

/** @throws FairleadError edge.internal, with what the operator must mend, for the log */
export function parseSettings(variables: OidcVariables): OidcSettings {
  const parsed = parseWith(Variables, variables, {
    code: "edge.internal",
    what: "The OIDC variables are wrong",
  });
  const { OIDC_ISSUER, OIDC_AUDIENCE, OIDC_CLAIM, OIDC_ROLES, OIDC_JWKS } = parsed;
  return {
    issuer: OIDC_ISSUER,
    audience: OIDC_AUDIENCE,
    claim: OIDC_CLAIM,
    grants: new Map(Object.entries(OIDC_ROLES)),
    jwks: OIDC_JWKS ?? null,
  };
}
