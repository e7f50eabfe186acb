import { decodeJwt, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeBase64 } from "../../../../protocol/encoding.ts";
import { type AssertionOptions, verifyAssertion } from "../../../../workers/authority/identity.ts";
import { keyHashOf } from "../../../../workers/authority/keys.ts";
import {
  AUDIENCE,
  bootIdOf,
  codeOf,
  createAssertion,
  createDeploymentCa,
  createSite,
  DAY,
  type DeploymentCa,
  newKeys,
  spkiOf,
  type TestSite,
} from "../../../support/authority/test-site.ts";

let ca: DeploymentCa;
let site: TestSite;

beforeAll(async () => {
  ca = await createDeploymentCa();
  site = await createSite(ca);
});

const verify = (jwt: string, options: Partial<AssertionOptions> = {}) =>
  verifyAssertion(jwt, {
    purpose: "uplink",
    audiences: [AUDIENCE],
    deploymentCa: ca.certificate,
    now: Date.now(),
    ...options,
  });

describe("verifyAssertion on a valid assertion", () => {
  it("returns the site, its certificate, its key and its boot id", async () => {
    const boot = bootIdOf();
    const identity = await verify(await createAssertion(site, { jti: `${boot}.7` }));
    expect(identity).toEqual({
      networkId: site.networkId,
      siteId: site.siteId,
      serial: site.certificate.serial,
      keyHash: await keyHashOf(await spkiOf(site.keys.publicKey)),
      boot,
      counter: 7,
      notAfter: site.certificate.notAfter,
    });
  });

  it("accepts an audience with or without a slash at its end", async () => {
    expect(await codeOf(verify(await createAssertion(site), { audiences: [`${AUDIENCE}/`] }))).toBe("none");
  });

  it("accepts an assertion for any address of the edge, and none for another", async () => {
    const audiences = ["https://new.example", AUDIENCE];
    expect(await codeOf(verify(await createAssertion(site), { audiences }))).toBe("none");
    expect(await codeOf(verify(await createAssertion(site), { audiences: ["https://new.example"] }))).toBe(
      "assertion.audience",
    );
  });

  it("accepts the same certificate from the platform", async () => {
    const jwt = await createAssertion(site);
    expect(await codeOf(verify(jwt, { tlsCertificate: site.certificate.certificate }))).toBe("none");
  });

  it("accepts clocks that differ by less than a minute", async () => {
    const jwt = await createAssertion(site, { now: Date.now() + 55_000 });
    expect(await codeOf(verify(jwt))).toBe("none");
  });
});

describe("verifyAssertion", () => {
  const refused: Record<string, [string, (site: TestSite) => Promise<string>]> = {
    "when it is no JWT": ["assertion.invalid", async () => "rubbish"],
    "when it is empty": ["assertion.invalid", async () => ""],
    "when it is very long": ["assertion.invalid", async () => "a".repeat(20_000)],
    "when another key signed it": [
      "assertion.invalid",
      async (site) => createAssertion(site, { key: (await newKeys()).privateKey }),
    ],
    "when one character of its claims was changed": [
      "assertion.invalid",
      async (site) => {
        const [header, body, signature] = (await createAssertion(site)).split(".");
        const claims = JSON.stringify({ ...decodeJwt(`${header}.${body}.`), jti: `${bootIdOf()}.9` });
        return `${header}.${encodeBase64(new TextEncoder().encode(claims)).replace(/=+$/, "")}.${signature}`;
      },
    ],
    "when its audience is another edge": [
      "assertion.audience",
      (site) => createAssertion(site, { audience: "https://other.test/uplink" }),
    ],
    "when its audience is another purpose": [
      "assertion.audience",
      (site) => createAssertion(site, { purpose: "lane" }),
    ],
    "when it is two minutes and a second old": [
      "assertion.expired",
      (site) => createAssertion(site, { now: Date.now() - 121_000 }),
    ],
    "when it comes from the future": [
      "assertion.expired",
      (site) => createAssertion(site, { now: Date.now() + 65_000 }),
    ],
    "when it is valid for longer than a minute": [
      "assertion.invalid",
      (site) => createAssertion(site, { seconds: 61 }),
    ],
    "when it names another site than its certificate": [
      "assertion.invalid",
      (site) => createAssertion(site, { issuer: `spiffe://${site.networkId}/site/s${"0".repeat(26)}` }),
    ],
    "when its jti has no boot id": ["assertion.invalid", (site) => createAssertion(site, { jti: "1" })],
    "when its jti's counter is no number": [
      "assertion.invalid",
      (site) => createAssertion(site, { jti: `${bootIdOf()}.-1` }),
    ],
    "when a claim is missing": [
      "assertion.invalid",
      (site) =>
        new SignJWT({})
          .setProtectedHeader({
            alg: "ES256",
            x5c: [site.certificate.certificate, site.authority.certificate].map(encodeBase64),
          })
          .setAudience(`${AUDIENCE}/uplink`)
          .setIssuedAt()
          .setExpirationTime("60s")
          .sign(site.keys.privateKey),
    ],
    "when it carries no certificates": [
      "assertion.invalid",
      (site) => new SignJWT({}).setProtectedHeader({ alg: "ES256" }).sign(site.keys.privateKey),
    ],
    "when its algorithm is another": [
      "assertion.invalid",
      async (site) =>
        new SignJWT({})
          .setProtectedHeader({ alg: "HS256", x5c: [encodeBase64(site.certificate.certificate)] })
          .sign(await spkiOf(site.keys.publicKey)),
    ],
    "when a certificate is not base64": [
      "certificate.untrusted",
      (site) =>
        new SignJWT({}).setProtectedHeader({ alg: "ES256", x5c: ["%%%", "%"] }).sign(site.keys.privateKey),
    ],
  };

  for (const [title, [code, make]] of Object.entries(refused)) {
    it(`refuses an assertion ${title} with ${code}`, async () => {
      expect(await codeOf(verify(await make(site)))).toBe(code);
    });
  }

  it("refuses an assertion with another certificate than the TLS connection", async () => {
    const other = await createSite(ca);
    const attempt = verify(await createAssertion(site), { tlsCertificate: other.certificate.certificate });
    expect(await codeOf(attempt)).toBe("certificate.mismatch");
  });

  it("refuses an assertion of another deployment", async () => {
    const otherCa = await createDeploymentCa();
    const attempt = verify(await createAssertion(site), { deploymentCa: otherCa.certificate });
    expect(await codeOf(attempt)).toBe("certificate.untrusted");
  });
});

describe("verifyAssertion on an expired site certificate", () => {
  const made = Date.now() - 10 * DAY;

  it("refuses an uplink", async () => {
    const old = await createSite(ca, { now: made });
    expect(await codeOf(verify(await createAssertion(old)))).toBe("certificate.expired");
  });

  it("accepts a renewal within the allowance", async () => {
    const old = await createSite(ca, { now: made });
    const jwt = await createAssertion(old, { purpose: "renew" });
    expect(await codeOf(verify(jwt, { purpose: "renew", allowExpiredMs: 30 * DAY }))).toBe("none");
  });

  it("refuses a renewal after the allowance with certificate.too_old", async () => {
    const old = await createSite(ca, { now: made });
    const jwt = await createAssertion(old, { purpose: "renew" });
    const attempt = verify(jwt, { purpose: "renew", allowExpiredMs: 5 * DAY });
    expect(await codeOf(attempt)).toBe("certificate.too_old");
  });

  it("refuses a certificate that is not valid yet, beyond backdating and tolerance", async () => {
    const early = await createSite(ca, { now: Date.now() + 7 * 60_000 });
    expect(await codeOf(verify(await createAssertion(early)))).toBe("certificate.expired");
  });
});
