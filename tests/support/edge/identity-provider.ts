/**
 * A strict identity provider: a discovery document, keys and tokens, over HTTP on loopback or over HTTPS with a
 * certificate of its own CA. Tests change its answers and count its requests.
 */
import { randomBytes } from "node:crypto";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import {
  makeDeploymentAuthority,
  makeServerCertificate,
} from "../../../connector/edge/credentials/certificates.ts";

import { CodeFlow } from "../authority/code-flow.ts";

export const AUDIENCE = "fairlead-edge";

/** The public client by which browsers sign in. */
export const CLIENT = { id: "fairlead-door", secret: null };

/** The page at the authorization endpoint. */
const PAGE = `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Provider</title><h1>Provider</h1>
<form method="post"><button name="choice" value="sign-in">Sign in</button><button name="choice" value="refuse">Refuse</button></form>`;

type Key = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];

interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: Key;
  readonly jwk: JWK;
}

/** A named key pair with which a provider signs. */
export async function makeSigningKey(alg = "ES256"): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const kid = randomBytes(6).toString("hex");
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

export interface TokenParts {
  readonly claims?: JWTPayload;
  /** Header fields in place of those of the key. */
  readonly header?: Record<string, unknown>;
  readonly key?: SigningKey;
  /** Expiry in seconds from now; null leaves `exp` out. */
  readonly expiresIn?: number | null;
}

export class Provider {
  readonly issuer: string;
  /** The CA to trust, PEM; null over HTTP. */
  readonly ca: string | null;
  /** Requested paths. */
  readonly asked: string[] = [];
  /** Published keys, newest first. The provider signs with the first. */
  keys: SigningKey[];
  /** Answers in its place by path: status, headers and body, or a cut connection. */
  instead:
    | ((path: string) => { status: number; body?: string; location?: string } | "cut" | undefined)
    | null = null;
  /** Redirect URIs that are registered for {@link CLIENT}. */
  readonly redirectUris: string[] = [];
  readonly codeFlow: CodeFlow;
  /** Claims of the person who signs in at the page of this provider. */
  person: JWTPayload = {};
  readonly #server: Server;

  private constructor(server: Server, issuer: string, ca: string | null, keys: SigningKey[]) {
    this.#server = server;
    this.issuer = issuer;
    this.ca = ca;
    this.keys = keys;
    this.codeFlow = new CodeFlow({
      issuer,
      authorizationEndpoint: `${new URL(issuer).origin}/authorize`,
      client: CLIENT,
      redirectUris: this.redirectUris,
      sign: (claims) => this.token({ claims }),
    });
  }

  static async start({ tls = false, alg = "ES256" } = {}): Promise<Provider> {
    let provider: Provider | undefined;
    const listener: RequestListener = (request, response) => void provider?.serve(request, response);
    let server: Server;
    let ca: string | null = null;
    if (tls) {
      const authority = await makeDeploymentAuthority(Date.now());
      const leaf = await makeServerCertificate({
        authority,
        names: ["localhost", "127.0.0.1"],
        now: Date.now(),
      });
      server = createTlsServer({ cert: leaf.certificate, key: leaf.privateKey }, listener);
      ca = authority.certificate;
    } else {
      server = createServer(listener);
    }
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const issuer = `${tls ? "https" : "http"}://127.0.0.1:${port}/realm`;
    provider = new Provider(server, issuer, ca, [await makeSigningKey(alg)]);
    return provider;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Makes a token of one hour for the edge's audience: valid apart from the changes. */
  async token({ claims = {}, header = {}, key, expiresIn = 3600 }: TokenParts = {}): Promise<string> {
    const signer = key ?? this.keys[0];
    if (signer === undefined) throw new Error("The provider has no key.");
    const now = Math.floor(Date.now() / 1000);
    const payload: JWTPayload = {
      iss: this.issuer,
      aud: AUDIENCE,
      sub: "user-1",
      iat: now,
      ...(expiresIn === null ? {} : { exp: now + expiresIn }),
      ...claims,
    };
    const given = Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined));
    return new SignJWT(given)
      .setProtectedHeader({ alg: signer.alg, kid: signer.kid, ...header })
      .sign(signer.privateKey);
  }

  /** Answers the token endpoint, the page where people sign in, or a document. */
  async serve(...[request, response]: Parameters<RequestListener>): Promise<void> {
    const { url: path = "", method, headers } = request;
    if (path.startsWith("/authorize?")) return await this.#signIn(request, response);
    if (method !== "POST" || path !== "/token" || this.instead?.(path) !== undefined) {
      return this.answer(path, response);
    }
    const form = new URLSearchParams(await text(request));
    const { status, body } = await this.codeFlow.redeem(form, headers.authorization ?? null);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  }

  /** The page where a person signs in or does not. The tests that have no browser use {@link codeFlow}. */
  async #signIn(...[request, response]: Parameters<RequestListener>): Promise<void> {
    const url = `${new URL(this.issuer).origin}${request.url}`;
    try {
      if (request.method !== "POST") {
        this.codeFlow.check(url);
        response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
        return;
      }
      const choice = new URLSearchParams(await text(request)).get("choice");
      const location =
        choice === "refuse" ? this.codeFlow.refuse(url) : this.codeFlow.authorize(url, this.person);
      response.writeHead(303, { location }).end();
    } catch (error) {
      response.writeHead(400, { "content-type": "text/plain" }).end(String(error));
    }
  }

  answer(path: string, response: Parameters<RequestListener>[1]): void {
    this.asked.push(path);
    const instead = this.instead?.(path);
    if (instead === "cut") {
      response.socket?.destroy();
      return;
    }
    const own = this.#document(path);
    const status = instead?.status ?? (own === null ? 404 : 200);
    if (instead?.location !== undefined) response.setHeader("location", instead.location);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(instead?.body ?? JSON.stringify(own ?? { error: "not found" }));
  }

  #document(path: string): unknown {
    if (path === "/realm/.well-known/openid-configuration") {
      return {
        issuer: this.issuer,
        jwks_uri: `${new URL(this.issuer).origin}/keys`,
        authorization_endpoint: `${new URL(this.issuer).origin}/authorize`,
        token_endpoint: `${new URL(this.issuer).origin}/token`,
        response_types_supported: [],
      };
    }
    return path === "/keys" ? { keys: this.keys.map(({ jwk }) => jwk) } : null;
  }
}
