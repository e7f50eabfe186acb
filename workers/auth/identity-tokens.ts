/** Identity tokens (OpenID Connect ID tokens, or access tokens that are JWTs) of the configured provider. */
import { errors, type JWTPayload, jwtVerify } from "jose";
import { FairleadError } from "../../protocol/errors.ts";
import type { OidcVariables } from "../oidc-variables.ts";
import type { Caller } from "./caller.ts";
import { callerOf } from "./claims.ts";
import { type OidcSettings, parseSettings } from "./oidc-settings.ts";
import { ProviderKeys } from "./provider-keys.ts";

/** Signatures by a private key only: neither `none`, nor one that whoever can check it could also make. */
export const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
];

const MAX_TOKEN = 16_384;
const CLOCK_TOLERANCE_SECONDS = 60;

/** Whether a bearer is a JWT by its form; keys have no dots. */
export function looksLikeToken(text: string): boolean {
  return /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/.test(text);
}

interface Provider {
  readonly settings: OidcSettings;
  readonly keys: ProviderKeys;
}

/** What an isolate keeps: the provider of the variables that it saw last, and its keys. */
export class IdentityTokens {
  readonly #now: () => number;
  #last: { readonly variables: string; readonly provider: Provider } | null = null;

  constructor({ now = Date.now }: { now?: () => number } = {}) {
    this.#now = now;
  }

  /** Whether the operator wants identity tokens at all. */
  configured(env: OidcVariables): boolean {
    return Boolean(env.OIDC_ISSUER);
  }

  /**
   * @throws FairleadError oidc.invalid, oidc.expired, oidc.no_role, oidc.unreachable; edge.internal when the
   *   variables are wrong
   */
  async verify(token: string, env: OidcVariables): Promise<Caller> {
    const provider = this.#provider(env);
    const caller = callerOf(await this.#check(token, provider), provider.settings);
    if (caller === null) {
      const { claim } = provider.settings;
      throw new FairleadError("oidc.no_role", `No value of the claim "${claim}" is mapped to a role.`);
    }
    return caller;
  }

  #provider({ OIDC_ISSUER, OIDC_AUDIENCE, OIDC_CLAIM, OIDC_ROLES, OIDC_JWKS }: OidcVariables): Provider {
    const variables = JSON.stringify([OIDC_ISSUER, OIDC_AUDIENCE, OIDC_CLAIM, OIDC_ROLES, OIDC_JWKS]);
    if (this.#last?.variables === variables) return this.#last.provider;
    const settings = parseSettings({ OIDC_ISSUER, OIDC_AUDIENCE, OIDC_CLAIM, OIDC_ROLES, OIDC_JWKS });
    const { issuer, jwks } = settings;
    const provider = { settings, keys: new ProviderKeys({ issuer, jwks, now: this.#now }) };
    this.#last = { variables, provider };
    return provider;
  }

  async #check(token: string, { settings, keys }: Provider): Promise<JWTPayload> {
    if (token.length > MAX_TOKEN) throw invalid("it is too long");
    try {
      const { payload } = await jwtVerify(token, keys.find, {
        algorithms: ALGORITHMS,
        issuer: settings.issuer,
        audience: settings.audience,
        requiredClaims: ["iss", "aud", "exp", "sub"],
        currentDate: new Date(this.#now()),
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      });
      return payload;
    } catch (cause) {
      throw fromJose(cause);
    }
  }
}

function fromJose(cause: unknown): FairleadError {
  if (cause instanceof FairleadError) return cause;
  if (cause instanceof errors.JWTExpired) return new FairleadError("oidc.expired", undefined, { cause });
  if (cause instanceof errors.JWTClaimValidationFailed) {
    return invalid(`its claim "${cause.claim}" is missing, wrong or not valid yet`, cause);
  }
  if (cause instanceof errors.JWKSNoMatchingKey) return invalid("no key of the issuer fits it", cause);
  if (cause instanceof errors.JOSEAlgNotAllowed) return invalid("its algorithm is not allowed", cause);
  return invalid("it is malformed or not signed by the issuer", cause);
}

function invalid(why: string, cause?: unknown): FairleadError {
  return new FairleadError("oidc.invalid", `The identity token is refused: ${why}.`, { cause });
}
