/**
 * The provider's part in the sign-in of browsers: OpenID Connect's authorization code flow with PKCE (RFC 7636, S256).
 * The caller binds `state`, `nonce` and `verifier` to a browser.
 */
import * as z from "zod";
import { encodeBase64, encodeBase64Url } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { OidcClient, OidcSettings } from "../config.ts";
import type { Caller } from "./caller.ts";
import type { IdentityTokens, Person } from "./identity-tokens.ts";
import { askProvider, type Discovery, discover, type Fetch } from "./provider-document.ts";

/** How long a discovery document is used, ms. */
const FRESH_MS = 10 * 60_000;
/** Pause after a failed fetch of the document, ms. */
const RETRY_MS = 10_000;

/** The scopes that give a person a name. A provider that lists its scopes gets those that it knows. */
const SCOPES = ["openid", "profile", "email"];

const TokenAnswer = z.object({ id_token: z.string() });
const ErrorAnswer = z.object({ error: z.string(), error_description: z.string().optional() });

/** The settings of an edge at which browsers sign in. */
export type SignInSettings = OidcSettings & { readonly client: OidcClient };

/** The values of one sign-in. */
export interface SignInRequest {
  /** The URL to which the provider sends the browser back. */
  readonly redirectUri: string;
  readonly nonce: string;
  /** The PKCE code verifier, which the provider gets with the code. */
  readonly verifier: string;
}

/** What the provider sends a browser back with. */
export interface CodeAnswer {
  readonly code: string;
  /** The issuer that the authorization response names (RFC 9207); null without one. */
  readonly issuer: string | null;
}

export class SignInProvider {
  readonly #identityTokens: IdentityTokens;
  readonly #fetch: Fetch;
  readonly #now: () => number;
  #last: { readonly issuer: string; readonly found: Endpoints; readonly at: number } | null = null;
  #failed: { readonly issuer: string; readonly at: number } | null = null;

  constructor(identityTokens: IdentityTokens, options: { fetch?: Fetch; now?: () => number } = {}) {
    this.#identityTokens = identityTokens;
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
    this.#now = options.now ?? Date.now;
  }

  /**
   * The URL of the provider at which a person signs in.
   * @param state comes back with the code
   * @throws FairleadError oidc.unreachable
   */
  async authorizationUrl(settings: SignInSettings, request: SignInRequest, state: string): Promise<string> {
    const { authorization_endpoint: endpoint, scopes_supported: known } = await this.#endpoints(settings);
    const url = new URL(endpoint);
    const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(request.verifier));
    const parameters = {
      response_type: "code",
      client_id: settings.client.id,
      redirect_uri: request.redirectUri,
      scope: SCOPES.filter((scope) => scope === "openid" || known?.includes(scope) !== false).join(" "),
      state,
      nonce: request.nonce,
      code_challenge: encodeBase64Url(new Uint8Array(challenge)),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url.href;
  }

  /**
   * Exchanges a code for an ID token and verifies it.
   * @returns the name of the person
   * @throws FairleadError door.sign_in_failed, oidc.invalid, oidc.expired, oidc.unreachable
   */
  async redeem(settings: SignInSettings, request: SignInRequest, answer: CodeAnswer): Promise<string> {
    const { token, proof } = await this.#exchange(settings, request, answer);
    return await this.#identityTokens.identifySignIn(token, settings, proof);
  }

  /**
   * As {@link redeem}, for a person who needs a role in the API.
   * @returns the caller, with the values of the claim that gives roles
   * @throws FairleadError door.sign_in_failed, oidc.invalid, oidc.expired, oidc.no_role, oidc.unreachable
   */
  async redeemCaller(
    settings: SignInSettings,
    request: SignInRequest,
    answer: CodeAnswer,
  ): Promise<Caller & Person> {
    const { token, proof } = await this.#exchange(settings, request, answer);
    return await this.#identityTokens.verifySignIn(token, settings, proof);
  }

  async #exchange(settings: SignInSettings, request: SignInRequest, { code, issuer }: CodeAnswer) {
    const found = await this.#endpoints(settings);
    const namesIssuer = found.authorization_response_iss_parameter_supported === true;
    if (issuer === null ? namesIssuer : issuer !== settings.issuer) {
      throw refused(`The authorization response names the issuer ${JSON.stringify(issuer)}.`);
    }
    const { status, body } = await this.#askForToken(settings, request, code, found);
    const answer = TokenAnswer.safeParse(body);
    if (status !== 200 || !answer.success) {
      const { error = "no ID token", error_description: why } = ErrorAnswer.safeParse(body).data ?? {};
      throw refused(`The token endpoint responded with status ${status}: ${error} ${why ?? ""}`.trim());
    }
    return {
      token: answer.data.id_token,
      proof: { client: settings.client.id, nonce: request.nonce },
    };
  }

  async #askForToken(
    { client }: SignInSettings,
    { redirectUri, verifier }: SignInRequest,
    code: string,
    found: Endpoints,
  ) {
    const { token_endpoint: url, token_endpoint_auth_methods_supported: methods } = found;
    const form = new URLSearchParams({
      grant_type: "authorization_code",
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    });
    const headers: Record<string, string> = { "content-type": "application/x-www-form-urlencoded" };
    // Basic is the default of OpenID Connect Discovery 1.0 §3.
    const usesBasic = methods?.includes("client_secret_basic") ?? true;
    if (client.secret !== null && usesBasic) {
      headers.authorization = `Basic ${basicCredentials(client.id, client.secret)}`;
    } else {
      form.set("client_id", client.id);
      if (client.secret !== null) form.set("client_secret", client.secret);
    }
    try {
      return await askProvider(this.#fetch, url, { method: "POST", headers, body: String(form) });
    } catch (cause) {
      throw unreachable(cause);
    }
  }

  /** The provider's endpoints. Requests share what was fetched, and never a fetch in flight. */
  async #endpoints({ issuer }: OidcSettings): Promise<Endpoints> {
    const now = this.#now();
    if (this.#last?.issuer === issuer && now - this.#last.at < FRESH_MS) return this.#last.found;
    if (this.#failed?.issuer === issuer && now - this.#failed.at < RETRY_MS) {
      throw new FairleadError("oidc.unreachable");
    }
    try {
      const found = complete(await discover(this.#fetch, issuer));
      this.#last = { issuer, found, at: now };
      return found;
    } catch (cause) {
      this.#failed = { issuer, at: now };
      throw unreachable(cause);
    }
  }
}

type Endpoints = Discovery & { readonly authorization_endpoint: string; readonly token_endpoint: string };

/** @throws Error when an endpoint is missing */
function complete(found: Discovery): Endpoints {
  const { authorization_endpoint, token_endpoint } = found;
  if (authorization_endpoint === undefined || token_endpoint === undefined) {
    throw new Error("The discovery document names no endpoints for sign-in.");
  }
  return { ...found, authorization_endpoint, token_endpoint };
}

function unreachable(cause: unknown): FairleadError {
  console.warn(JSON.stringify({ level: "warn", code: "oidc.unreachable", cause: String(cause) }));
  return new FairleadError("oidc.unreachable", undefined, { cause });
}

/** The person learns that the sign-in failed, and the log of the edge why. */
function refused(why: string): FairleadError {
  const cause = why.slice(0, 500);
  console.warn(JSON.stringify({ level: "warn", code: "door.sign_in_failed", cause }));
  return new FairleadError("door.sign_in_failed", undefined, { cause });
}

/** The credentials of a client (RFC 6749 §2.3.1): both parts are form-encoded first. */
function basicCredentials(id: string, secret: string): string {
  const encoded = [id, secret].map((part) => new URLSearchParams({ part }).toString().slice("part=".length));
  return encodeBase64(new TextEncoder().encode(encoded.join(":")));
}
