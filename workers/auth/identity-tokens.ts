/** Verification of identity tokens: OpenID Connect ID tokens, or access tokens that are JWTs. */
import { errors, type JWTPayload, jwtVerify } from "jose";
import { FairleadError } from "../../protocol/errors.ts";
import type { OidcSettings } from "../config.ts";
import type { Caller } from "./caller.ts";
import { callerOf, nameOf, valuesOf } from "./claims.ts";
import { ProviderKeys } from "./provider-keys.ts";

/**
 * Allowed algorithms: asymmetric ones only, so neither `none` nor an HMAC, whose verifier could also sign.
 */
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

/** Longest token that is read, characters. */
const MAX_TOKEN = 16_384;
const CLOCK_TOLERANCE_SECONDS = 60;

/** What the ID token of a sign-in must name. */
export interface SignInProof {
  readonly client: string;
  /** The value that the sign-in gave to the provider. */
  readonly nonce: string;
}

/** A person as a provider describes one. */
export interface Person {
  /** The values of the claim that gives roles. */
  readonly values: readonly string[];
}

/** @throws FairleadError oidc.no_role */
function callerIn(payload: JWTPayload, settings: OidcSettings): Caller & Person {
  const caller = callerOf(payload, settings);
  if (caller !== null) return { ...caller, values: valuesOf(payload, settings.claim) };
  throw new FairleadError("oidc.no_role", `No value of the claim "${settings.claim}" is mapped to a role.`);
}

/** Whether a bearer token has the form of a JWT; API keys have no dots. */
export function looksLikeToken(text: string): boolean {
  return /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/.test(text);
}

/** Verifies identity tokens, and keeps the keys of the provider that it used last. */
export class IdentityTokens {
  readonly #now: () => number;
  #last: { readonly source: string; readonly keys: ProviderKeys } | null = null;

  constructor({ now = Date.now }: { now?: () => number } = {}) {
    this.#now = now;
  }

  /**
   * Returns the caller that a token proves.
   * @throws FairleadError oidc.invalid, oidc.expired, oidc.no_role, oidc.unreachable
   */
  async verify(token: string, settings: OidcSettings): Promise<Caller & Person> {
    return callerIn(await this.#check(token, settings), settings);
  }

  /**
   * Returns the name of the identity that a token proves, whether or not a role is mapped to it.
   * @throws FairleadError oidc.invalid, oidc.expired, oidc.unreachable
   */
  async identify(token: string, settings: OidcSettings): Promise<string> {
    return nameOf(await this.#check(token, settings));
  }

  /**
   * Returns the name of the person that an ID token proves, which the provider issued for a sign-in.
   * @throws FairleadError oidc.invalid, oidc.expired, oidc.unreachable
   */
  async identifySignIn(token: string, settings: OidcSettings, request: SignInProof): Promise<string> {
    return nameOf(await this.#checkSignIn(token, settings, request));
  }

  /**
   * Returns the caller that an ID token proves, which the provider issued for a sign-in.
   * @throws FairleadError oidc.invalid, oidc.expired, oidc.no_role, oidc.unreachable
   */
  async verifySignIn(token: string, settings: OidcSettings, request: SignInProof): Promise<Caller & Person> {
    return callerIn(await this.#checkSignIn(token, settings, request), settings);
  }

  async #checkSignIn(
    token: string,
    settings: OidcSettings,
    { client, nonce }: SignInProof,
  ): Promise<JWTPayload> {
    const payload = await this.#check(token, settings, client);
    if (payload.nonce !== nonce) throw invalid('its claim "nonce" is of another sign-in');
    // OpenID Connect Core 1.0 §3.1.3.7: a token for several audiences names the client that it was issued to.
    const isForSeveral = Array.isArray(payload.aud) && payload.aud.length > 1;
    if ((isForSeveral || payload.azp !== undefined) && payload.azp !== client) {
      throw invalid('its claim "azp" is of another client');
    }
    return payload;
  }

  /** The keys of a provider. They are kept until another provider is configured. */
  #keysOf({ issuer, jwks }: OidcSettings): ProviderKeys {
    const source = JSON.stringify([issuer, jwks]);
    if (this.#last?.source !== source) {
      this.#last = { source, keys: new ProviderKeys({ issuer, jwks, now: this.#now }) };
    }
    return this.#last.keys;
  }

  async #check(
    token: string,
    settings: OidcSettings,
    audience: string = settings.audience,
  ): Promise<JWTPayload> {
    if (token.length > MAX_TOKEN) throw invalid("it is too long");
    try {
      const { payload } = await jwtVerify(token, this.#keysOf(settings).find, {
        algorithms: ALGORITHMS,
        issuer: settings.issuer,
        audience,
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
  if (cause instanceof errors.JWTExpired) {
    const { exp } = cause.payload;
    const ended = exp === undefined ? "" : ` at ${new Date(exp * 1000).toISOString()}`;
    return new FairleadError("oidc.expired", `The identity token expired${ended}.`, { cause });
  }
  if (cause instanceof errors.JWTClaimValidationFailed) {
    if (cause.claim === "nbf") return invalid("it is not valid yet", cause, CLOCK_ACTION);
    const why = cause.reason === "missing" ? "missing" : "wrong";
    return invalid(`its claim "${cause.claim}" is ${why}`, cause, CLAIM_ACTIONS[cause.claim]);
  }
  if (cause instanceof errors.JWKSNoMatchingKey) return invalid("no key of the issuer fits it", cause);
  if (cause instanceof errors.JOSEAlgNotAllowed) return invalid("its algorithm is not allowed", cause);
  return invalid("it is malformed or not signed by the issuer", cause);
}

const CLOCK_ACTION =
  "Compare the clocks of the edge and of the identity provider with the real time, and correct the wrong one.";

/** What to do about a claim that is missing or wrong, by its name. */
const CLAIM_ACTIONS: Readonly<Record<string, string>> = {
  iss: "Use a token of the issuer that the edge's operator configured: see `fairlead help edge start`, --oidc.",
  aud: "Request a token for the audience of this edge, which its operator configured: see `fairlead help edge start`, --oidc.",
};

function invalid(why: string, cause?: unknown, action?: string): FairleadError {
  return new FairleadError("oidc.invalid", `The identity token is refused: ${why}.`, { cause, action });
}
