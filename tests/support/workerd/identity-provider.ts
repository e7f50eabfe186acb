/**
 * A strict identity provider inside the Worker, in place of its outbound fetch. Any other fetch fails as it does
 * without a network.
 */
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { vi } from "vitest";
import { CodeFlow } from "../authority/code-flow.ts";

export const AUDIENCE = "https://edge.test";
let made = 0;

export class Provider {
  readonly #keys: Awaited<ReturnType<typeof generateKeyPair>>;
  readonly #jwk: object;
  /** Fetched URLs. */
  readonly asked: string[] = [];
  reachable = true;
  /** Origin of this provider alone, because the Worker caches the keys of earlier providers. */
  readonly #origin = `https://provider${++made}.test`;
  readonly issuer = `${this.#origin}/realm`;

  private constructor(keys: Awaited<ReturnType<typeof generateKeyPair>>, jwk: object) {
    this.#keys = keys;
    this.#jwk = jwk;
    vi.spyOn(globalThis, "fetch").mockImplementation((input, init) => this.#answer(input, init));
  }

  /** Replaces fetch until `vi.restoreAllMocks()`. */
  static async start(): Promise<Provider> {
    const keys = await generateKeyPair("ES256", { extractable: true });
    return new Provider(keys, { ...(await exportJWK(keys.publicKey)), kid: "one", alg: "ES256", use: "sig" });
  }

  /** The Worker's variables for this provider. Each role has a value of the claim; `shop-` roles are of one network. */
  readonly variables = {
    OIDC_ISSUER: this.issuer,
    OIDC_AUDIENCE: AUDIENCE,
    OIDC_CLAIM: "groups",
    OIDC_ROLES: JSON.stringify({
      admin: "admin",
      operator: "operator",
      viewer: "viewer",
      "shop-operator": { role: "operator", networks: ["shop"] },
      "shop-viewer": { role: "viewer", networks: ["shop"] },
    }),
  };

  /** The client by which browsers sign in at doors. */
  static readonly CLIENT = { id: "fairlead door", secret: "s3cret/+%" };

  /** The Worker's variables for a confidential client that signs browsers in. */
  readonly signInVariables = {
    ...this.variables,
    OIDC_CLIENT: Provider.CLIENT.id,
    OIDC_CLIENT_SECRET: Provider.CLIENT.secret,
  };

  /** Redirect URIs that the operator of the provider registered. */
  readonly redirectUris: string[] = [];

  readonly codeFlow = new CodeFlow({
    issuer: this.issuer,
    authorizationEndpoint: `${this.#origin}/authorize`,
    client: Provider.CLIENT,
    redirectUris: this.redirectUris,
    sign: (claims) => this.token([], claims),
  });

  /** Makes a token of ten minutes with a subject and groups. */
  token(groups: readonly string[], claims: JWTPayload = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({
      iss: this.issuer,
      aud: AUDIENCE,
      sub: "7",
      email: "ann@example.com",
      groups,
      ...claims,
    })
      .setProtectedHeader({ alg: "ES256", kid: "one" })
      .setIssuedAt(now)
      .setExpirationTime(typeof claims.exp === "number" ? claims.exp : now + 600)
      .sign(this.#keys.privateKey);
  }

  async #answer(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const url = String(input);
    this.asked.push(url);
    if (!this.reachable || init?.redirect !== "manual" || !init.signal) {
      throw new TypeError("Network connection lost.");
    }
    if (url === `${this.#origin}/token` && init.method === "POST") {
      const headers = new Headers(init.headers);
      const form = new URLSearchParams(String(init.body));
      const { status, body } = await this.codeFlow.redeem(form, headers.get("authorization"));
      return Response.json(body, { status });
    }
    if ((init.method ?? "GET") !== "GET") throw new TypeError("Network connection lost.");
    const keys = `${this.#origin}/keys`;
    if (url === `${this.issuer}/.well-known/openid-configuration`) {
      return Response.json({
        issuer: this.issuer,
        jwks_uri: keys,
        authorization_endpoint: `${this.#origin}/authorize`,
        token_endpoint: `${this.#origin}/token`,
        scopes_supported: ["openid", "email"],
        authorization_response_iss_parameter_supported: true,
      });
    }
    if (url === keys) return Response.json({ keys: [this.#jwk] });
    throw new TypeError("Network connection lost.");
  }
}
