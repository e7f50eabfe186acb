/**
 * The authorization code flow of a strict identity provider: exact redirect URIs, PKCE with S256, codes that are good
 * once, and the client's authentication.
 */
import type { JWTPayload } from "jose";

export interface CodeFlowOptions {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly client: { readonly id: string; readonly secret: string | null };
  readonly redirectUris: readonly string[];
  /** Signs an ID token. */
  readonly sign: (claims: JWTPayload) => Promise<string>;
}

/** What a browser asks for at the authorization endpoint. */
interface AuthorizationRequest {
  readonly redirectUri: string;
  readonly challenge: string;
  readonly state: string;
  readonly nonce: string;
}

interface Grant {
  readonly challenge: string;
  readonly redirectUri: string;
  readonly claims: JWTPayload;
  isUsed: boolean;
}

export class CodeFlow {
  readonly #options: CodeFlowOptions;
  readonly #grants = new Map<string, Grant>();
  /** Changes of the claims of ID tokens, for hostile providers. */
  changes: JWTPayload = {};

  constructor(options: CodeFlowOptions) {
    this.#options = options;
  }

  /**
   * What the provider does when a browser comes and a person signs in.
   * @returns the URL to which it sends the browser
   * @throws Error as {@link check}
   */
  authorize(text: string, claims: JWTPayload = {}): string {
    const request = this.check(text);
    const code = crypto.randomUUID();
    this.#grants.set(code, {
      challenge: request.challenge,
      redirectUri: request.redirectUri,
      claims: { sub: "7", email: "ann@example.com", ...claims, nonce: request.nonce },
      isUsed: false,
    });
    return this.#back(request, { code });
  }

  /**
   * What the provider does when a browser comes and the person, or the provider, refuses (RFC 6749 §4.1.2.1).
   * @returns the URL to which it sends the browser
   * @throws Error as {@link check}
   */
  refuse(text: string): string {
    return this.#back(this.check(text), { error: "access_denied" });
  }

  /** Checks a request of a browser. @throws Error where the provider shows a page of its own about a wrong request */
  check(text: string): AuthorizationRequest {
    const url = new URL(text);
    const { authorizationEndpoint, client, redirectUris } = this.#options;
    if (`${url.origin}${url.pathname}` !== authorizationEndpoint) throw new Error(`${url} is another page.`);
    const parameter = (name: string): string => {
      const [value, ...more] = url.searchParams.getAll(name);
      if (!value || more.length > 0) throw new Error(`The parameter ${name} is missing or repeated.`);
      return value;
    };
    const redirectUri = parameter("redirect_uri");
    if (parameter("client_id") !== client.id) throw new Error("The client is unknown.");
    if (!redirectUris.includes(redirectUri)) throw new Error(`${redirectUri} is not registered.`);
    const challenge = parameter("code_challenge");
    const isComplete =
      parameter("response_type") === "code" &&
      parameter("scope").split(" ").includes("openid") &&
      parameter("code_challenge_method") === "S256" &&
      /^[A-Za-z0-9_-]{43}$/.test(challenge);
    if (!isComplete) throw new Error(`The request is wrong: ${url.search}`);
    return { redirectUri, challenge, state: parameter("state"), nonce: parameter("nonce") };
  }

  #back({ redirectUri, state }: AuthorizationRequest, answer: Readonly<Record<string, string>>): string {
    const back = new URL(redirectUri);
    for (const [name, value] of Object.entries({ ...answer, state, iss: this.#options.issuer })) {
      back.searchParams.set(name, value);
    }
    return back.href;
  }

  /** Answers a request to the token endpoint. */
  async redeem(form: URLSearchParams, authorization: string | null) {
    const refused = (status: number, error: string) => ({ status, body: { error } as object });
    if (!this.#isClient(form, authorization)) return refused(401, "invalid_client");
    if (form.get("grant_type") !== "authorization_code") return refused(400, "unsupported_grant_type");
    const grant = this.#grants.get(form.get("code") ?? "");
    const verifier = form.get("code_verifier") ?? "";
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
    const challenge = btoa(String.fromCharCode(...new Uint8Array(bytes)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
    const isGood =
      grant !== undefined &&
      !grant.isUsed &&
      grant.redirectUri === form.get("redirect_uri") &&
      grant.challenge === challenge;
    if (!isGood) return refused(400, "invalid_grant");
    grant.isUsed = true;
    const claims = { ...grant.claims, aud: this.#options.client.id, ...this.changes };
    const body = { access_token: "opaque", token_type: "Bearer", id_token: await this.#options.sign(claims) };
    return { status: 200, body: body as object };
  }

  #isClient(form: URLSearchParams, authorization: string | null): boolean {
    const { id, secret } = this.#options.client;
    if (form.has("client_secret")) return false;
    if (secret === null) return authorization === null && form.get("client_id") === id;
    const encode = (part: string) => new URLSearchParams({ part }).toString().slice("part=".length);
    return authorization === `Basic ${btoa(`${encode(id)}:${encode(secret)}`)}` && !form.has("client_id");
  }
}
