import { createHmac, KeyObject, sign } from "node:crypto";
import { exportSPKI, importJWK, type JWTPayload } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ALGORITHMS, IdentityTokens, looksLikeToken } from "../../../../workers/auth/identity-tokens.ts";
import type { OidcSettings } from "../../../../workers/config.ts";
import { codeOf } from "../../../support/authority/test-site.ts";
import {
  AUDIENCE,
  makeSigningKey,
  Provider,
  type TokenParts,
} from "../../../support/edge/identity-provider.ts";

let provider: Provider;
let tokens: IdentityTokens;

beforeEach(async () => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  provider = await Provider.start();
  tokens = new IdentityTokens();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await provider.stop();
});

const settings = (changes: Partial<OidcSettings> = {}): OidcSettings => ({
  issuer: provider.issuer,
  audience: AUDIENCE,
  claim: "roles",
  grants: new Map([
    ["admins", { role: "admin", networks: null }],
    ["shop", { role: "operator", networks: ["shop"] }],
    ["everyone", { role: "viewer", networks: null }],
  ]),
  jwks: null,
  client: null,
  ...changes,
});

const verify = (token: string, changes?: Partial<OidcSettings>) => tokens.verify(token, settings(changes));
const codeFor = async (parts: TokenParts, changes?: Partial<OidcSettings>) =>
  codeOf(verify(await provider.token({ ...parts, claims: { roles: ["admins"], ...parts.claims } }), changes));

/** A token with any header and payload, signed as `sign` says. */
function assemble(header: object, payload: object, sign: (input: string) => string): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${sign(input)}`;
}

const payload = (): JWTPayload => ({
  iss: provider.issuer,
  aud: AUDIENCE,
  sub: "user-1",
  exp: Math.floor(Date.now() / 1000) + 600,
  roles: ["admins"],
});

describe("IdentityTokens.verify on a valid token", () => {
  it("returns the grants of its claim, its values, and a name", async () => {
    const claims = { roles: ["shop", "everyone", "unmapped"], email: "ann@example.com" };
    expect(await verify(await provider.token({ claims }))).toEqual({
      name: "ann@example.com (oidc user-1)",
      grants: [
        { role: "operator", networks: ["shop"] },
        { role: "viewer", networks: null },
      ],
      values: ["shop", "everyone", "unmapped"],
    });
  });

  it("accepts several audiences, and a clock that differs by less than a minute", async () => {
    expect(await codeFor({ claims: { aud: ["other", AUDIENCE] } })).toBe("none");
    expect(await codeFor({ expiresIn: -50 })).toBe("none");
    expect(await codeFor({ claims: { nbf: Math.floor(Date.now() / 1000) + 50 } })).toBe("none");
  });

  it("accepts each allowed algorithm", async () => {
    for (const alg of ["RS256", "PS256", "ES384", "EdDSA"]) {
      const key = await makeSigningKey(alg);
      provider.keys = [key];
      tokens = new IdentityTokens();
      expect(await codeFor({ key }), alg).toBe("none");
    }
  });

  it("refuses a provider with an untrusted certificate", async () => {
    const secure = await Provider.start({ tls: true });
    try {
      const token = await secure.token({ claims: { roles: ["admins"] } });
      // Node does not trust this CA in the test, so the certificate is untrusted.
      expect(await codeOf(verify(token, { issuer: secure.issuer }))).toBe("oidc.unreachable");
    } finally {
      await secure.stop();
    }
  });
});

describe("IdentityTokens.verify", () => {
  const refused: Record<string, [string, () => TokenParts | Promise<TokenParts>]> = {
    "when it has expired": ["oidc.expired", () => ({ expiresIn: -61 })],
    "when it never expires": ["oidc.invalid", () => ({ expiresIn: null })],
    "when it is not valid yet": [
      "oidc.invalid",
      () => ({ claims: { nbf: Math.floor(Date.now() / 1000) + 120 } }),
    ],
    "when it is for another audience": ["oidc.invalid", () => ({ claims: { aud: "other" } })],
    "when it is for no audience": ["oidc.invalid", () => ({ claims: { aud: undefined } })],
    "when its audience only begins with the edge's": [
      "oidc.invalid",
      () => ({ claims: { aud: `${AUDIENCE}-other` } }),
    ],
    "when it is of another issuer": ["oidc.invalid", () => ({ claims: { iss: "https://other.example" } })],
    "when its issuer differs by a slash": [
      "oidc.invalid",
      () => ({ claims: { iss: `${provider.issuer}/` } }),
    ],
    "when it has no subject": ["oidc.invalid", () => ({ claims: { sub: undefined } })],
    "when another key signed it under the same id": [
      "oidc.invalid",
      async () => ({ key: { ...(await makeSigningKey()), kid: provider.keys[0]?.kid ?? "" } }),
    ],
    "when an unknown key signed it": ["oidc.invalid", async () => ({ key: await makeSigningKey() })],
    "when its header has its own key": [
      "oidc.invalid",
      async () => {
        const key = await makeSigningKey();
        return { key, header: { jwk: key.jwk, jku: "http://127.0.0.1:9/keys", x5u: "http://127.0.0.1:9/x" } };
      },
    ],
    "when none of its values is mapped": ["oidc.no_role", () => ({ claims: { roles: ["unmapped"] } })],
    "when it lacks the claim": ["oidc.no_role", () => ({ claims: { roles: undefined } })],
    "when its claim is neither a text nor a list": [
      "oidc.no_role",
      () => ({ claims: { roles: { admins: true } } }),
    ],
  };
  for (const [title, [code, parts]] of Object.entries(refused)) {
    it(`refuses a token ${title} with ${code}`, async () => expect(await codeFor(await parts())).toBe(code));
  }

  it("refuses a token without a signature, or with an HMAC of the public key", async () => {
    const none = assemble({ alg: "none" }, payload(), () => "");
    expect(await codeOf(verify(none))).toBe("oidc.invalid");
    const nothing = assemble({ alg: "None", kid: provider.keys[0]?.kid }, payload(), () => "AAAA");
    expect(await codeOf(verify(nothing))).toBe("oidc.invalid");
    const jwk = provider.keys[0]?.jwk ?? {};
    const publicKey = (await importJWK({ ...jwk, alg: "ES256" })) as Parameters<typeof exportSPKI>[0];
    for (const secret of [await exportSPKI(publicKey), JSON.stringify(jwk), ""]) {
      const confused = assemble({ alg: "HS256", kid: jwk.kid }, payload(), (input) =>
        createHmac("sha256", secret).update(input).digest("base64url"),
      );
      expect(await codeOf(verify(confused))).toBe("oidc.invalid");
    }
    expect(ALGORITHMS.filter((name) => /^(HS|none)/i.test(name))).toEqual([]);
  });

  it("refuses a token with an unknown critical header", async () => {
    const [signer] = provider.keys;
    if (signer === undefined) throw new Error("no key");
    const key = KeyObject.from(signer.privateKey as Parameters<typeof KeyObject.from>[0]);
    const signed = (more: object) =>
      assemble({ alg: "ES256", kid: signer.kid, ...more }, payload(), (input) =>
        sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url"),
      );
    expect(await codeOf(verify(signed({})))).toBe("none");
    expect(await codeOf(verify(signed({ crit: ["proof"], proof: 1 })))).toBe("oidc.invalid");
  });

  it("refuses a token with any character changed", async () => {
    const good = await provider.token({ claims: { roles: ["admins"] } });
    for (let at = 0; at < good.length; at += 7) {
      // The highest bit of the character: the low bits of the last one of a part mean nothing.
      const other = /[A-Za-f]/.test(good[at] ?? "") ? "g" : "A";
      const changed = good.slice(0, at) + other + good.slice(at + 1);
      if (looksLikeToken(changed)) expect(await codeOf(verify(changed)), `at ${at}`).toBe("oidc.invalid");
    }
  });

  it("refuses a malformed, cut or too long token", async () => {
    const good = await provider.token();
    const parts = good.split(".");
    for (const text of [
      "a.b.c",
      "..",
      `${parts[0]}.${parts[1]}.`,
      good.slice(0, -10),
      `${good}${"A".repeat(20_000)}`,
    ]) {
      expect(await codeOf(verify(text))).toBe("oidc.invalid");
    }
  });

  it("refuses a token with oidc.unreachable when the provider's keys cannot be fetched", async () => {
    provider.instead = () => ({ status: 503 });
    expect(await codeFor({})).toBe("oidc.unreachable");
  });
});

describe("the settings of IdentityTokens.verify", () => {
  it("take effect at once when they change", async () => {
    const token = await provider.token({ claims: { roles: ["admins"] } });
    expect((await verify(token)).grants[0]?.role).toBe("admin");
    const grants = new Map([["admins", { role: "viewer", networks: null } as const]]);
    expect((await verify(token, { grants })).grants[0]?.role).toBe("viewer");
  });

  it("share the keys of a provider with other settings for it", async () => {
    const token = await provider.token({ claims: { roles: ["admins"] } });
    await verify(token);
    const asked = provider.asked.length;
    await verify(token, { grants: new Map(settings().grants) });
    expect(provider.asked).toHaveLength(asked);
  });
});
