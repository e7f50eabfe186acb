/** The Worker's variables; see wrangler.toml and, for the embedded edge, connector/edge/workerd/oidc-file.ts. */
export interface OidcVariables {
  /** Whose identity tokens are good for the API: the provider's issuer URL. Without it only keys are. */
  readonly OIDC_ISSUER?: string;
  /** What must be in a token's `aud`. Needed with OIDC_ISSUER. */
  readonly OIDC_AUDIENCE?: string;
  /** The claim that is mapped to roles; "roles" unless given. A path with dots reaches into objects. */
  readonly OIDC_CLAIM?: string;
  /** Which value of that claim gives which role: JSON, see protocol/api/oidc.ts. Needed with OIDC_ISSUER. */
  readonly OIDC_ROLES?: string;
  /** Where the provider's keys are, when its discovery document is not to be asked. */
  readonly OIDC_JWKS?: string;
}
