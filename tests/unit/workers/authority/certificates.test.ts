import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { createIssuerAuthority } from "../../../../workers/authority/authority.ts";
import {
  keyHashOf,
  linkIdOf,
  readCsr,
  signLinkCertificate,
  verifyLinkCertificate,
} from "../../../../workers/authority/certificates.ts";
import type { KeyPair } from "../../../../workers/authority/keys.ts";
import {
  codeOf,
  createCsr,
  createDeploymentCa,
  createSite,
  DAY,
  type DeploymentCa,
  networkIdOf,
  newKeys,
  linkIdOf as newLinkId,
  siteIdOf,
  spkiOf,
  x509,
} from "../../../support/authority/test-site.ts";

let ca: DeploymentCa;
beforeAll(async () => {
  ca = await createDeploymentCa();
});

describe("a site certificate", () => {
  it("is verified by OpenSSL, up to the deployment CA", async () => {
    const site = await createSite(ca);
    const leaf = new X509Certificate(site.certificate.certificate);
    const authority = new X509Certificate(site.authority.certificate);
    const root = new X509Certificate(ca.certificate);
    expect(leaf.checkIssued(authority) && leaf.verify(authority.publicKey)).toBe(true);
    expect(authority.checkIssued(root) && authority.verify(root.publicKey)).toBe(true);
    expect([leaf.ca, authority.ca]).toEqual([false, true]);
    expect(leaf.subjectAltName).toBe(`URI:spiffe://${site.networkId}/site/${site.siteId}`);
    expect(leaf.serialNumber.toLowerCase()).toBe(site.certificate.serial);
    expect(leaf.keyUsage).toContain("1.3.6.1.5.5.7.3.2");
  });

  it("is valid from five minutes ago, for 24 hours", async () => {
    const now = Math.floor(Date.now() / 1000) * 1000;
    const site = await createSite(ca, { now });
    const leaf = new X509Certificate(site.certificate.certificate);
    expect(Date.parse(leaf.validFrom)).toBe(now - 5 * 60_000);
    expect(Date.parse(leaf.validTo)).toBe(now + DAY);
    expect(site.certificate.notAfter).toBe(now + DAY);
  });

  it("has a unique serial number", async () => {
    const sites = await Promise.all([createSite(ca), createSite(ca), createSite(ca)]);
    expect(new Set(sites.map((site) => site.certificate.serial)).size).toBe(3);
  });
});

describe("readCsr", () => {
  it("returns the public key of a request", async () => {
    const keys = await newKeys();
    const { publicKey } = await readCsr(await createCsr(keys));
    expect(publicKey).toEqual(await spkiOf(keys.publicKey));
  });

  it("refuses garbage", async () => {
    for (const bytes of [new Uint8Array(), new Uint8Array([0x30, 0]), new TextEncoder().encode("MIIB")]) {
      expect(await codeOf(readCsr(bytes))).toBe("csr.invalid");
    }
  });

  it("refuses a request that is cut anywhere", async () => {
    const csr = await createCsr(await newKeys());
    for (let length = 1; length < csr.length; length += 17) {
      expect(await codeOf(readCsr(csr.subarray(0, length)))).toMatch(/^csr\./);
    }
  });

  it("refuses a request with an altered signature", async () => {
    const csr = await createCsr(await newKeys());
    const last = csr.length - 1;
    csr[last] = (csr[last] ?? 0) ^ 1;
    expect(await codeOf(readCsr(csr))).toBe("csr.invalid");
  });

  it("refuses a request for another kind of key", async () => {
    const kinds = [
      { name: "ECDSA", namedCurve: "P-384" },
      { name: "Ed25519" },
      {
        name: "RSASSA-PKCS1-v1_5",
        modulusLength: 2048,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: "SHA-256",
      },
    ];
    for (const kind of kinds) {
      const keys = (await crypto.subtle.generateKey(kind, true, ["sign", "verify"])) as KeyPair;
      const csr = await x509.Pkcs10CertificateRequestGenerator.create({
        name: "CN=site",
        keys,
        signingAlgorithm: { ...kind, hash: "SHA-256" },
      });
      expect(await codeOf(readCsr(new Uint8Array(csr.rawData)))).toBe("csr.key_type");
    }
  });
});

describe("verifyLinkCertificate", () => {
  const networkId = networkIdOf();
  const linkId = newLinkId();

  async function setUp(now = Date.now()) {
    const keys = await newKeys();
    const publicKey = await spkiOf(keys.publicKey);
    const authority = await createIssuerAuthority({ name: "network", now });
    const issued = await signLinkCertificate({
      authority,
      networkId,
      linkId,
      siteId: siteIdOf(),
      publicKey,
      now,
    });
    const expected = {
      issuer: authority.certificate,
      networkId,
      linkId,
      keyHash: await keyHashOf(publicKey),
      now: Date.now(),
    };
    return { issued, expected };
  }

  it("accepts the expected issuer, network, link and key", async () => {
    const { issued, expected } = await setUp();
    expect(await codeOf(verifyLinkCertificate(issued.certificate, expected))).toBe("none");
    expect(linkIdOf(issued.certificate)).toBe(linkId);
  });

  it("refuses a certificate of a replaced CA, even of the same name", async () => {
    const { issued, expected } = await setUp();
    const anew = await createIssuerAuthority({ name: "network", now: Date.now() });
    const attempt = verifyLinkCertificate(issued.certificate, { ...expected, issuer: anew.certificate });
    expect(await codeOf(attempt)).toBe("certificate.untrusted");
  });

  it("refuses another link, another network, another key and an expired certificate", async () => {
    const { issued, expected } = await setUp();
    const other = await keyHashOf(await spkiOf((await newKeys()).publicKey));
    const attempt = (change: Partial<typeof expected>) =>
      codeOf(verifyLinkCertificate(issued.certificate, { ...expected, ...change }));
    expect(await attempt({ linkId: newLinkId() })).toBe("certificate.untrusted");
    expect(await attempt({ networkId: networkIdOf() })).toBe("certificate.wrong_network");
    expect(await attempt({ keyHash: other })).toBe("certificate.revoked");
    expect(await attempt({ now: Date.now() + 2 * DAY })).toBe("certificate.expired");
  });

  it("refuses a site certificate, as verifyChain refuses a link certificate", async () => {
    const { expected } = await setUp();
    const site = await createSite(ca);
    expect(linkIdOf(site.certificate.certificate)).toBeNull();
    expect(linkIdOf(new Uint8Array([1, 2, 3]))).toBeNull();
    const attempt = verifyLinkCertificate(site.certificate.certificate, {
      ...expected,
      issuer: site.authority.certificate,
    });
    expect(await codeOf(attempt)).toBe("certificate.untrusted");
  });
});
