import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import {
  createIssuerAuthority,
  createNetworkAuthority,
  nearsExpiry,
  renewIssuerAuthority,
  renewNetworkAuthority,
} from "../../../../workers/authority/authority.ts";
import {
  keyHashOf,
  signLinkCertificate,
  signSiteCertificate,
  verifyLinkCertificate,
} from "../../../../workers/authority/certificates.ts";
import { verifyChain } from "../../../../workers/authority/chain.ts";
import { readCertificate, readDeploymentCa } from "../../../../workers/authority/x509.ts";
import {
  codeOf,
  createDeploymentCa,
  DAY,
  type DeploymentCa,
  linkIdOf,
  networkIdOf,
  newKeys,
  siteIdOf,
  spkiOf,
} from "../../../support/authority/test-site.ts";

const YEAR = 365 * DAY;
const networkId = networkIdOf();
const now = Math.floor(Date.now() / 1000) * 1000;
let ca: DeploymentCa;
let deployment: { deploymentCa: string; deploymentCaKey: string };

beforeAll(async () => {
  ca = await createDeploymentCa();
  deployment = { deploymentCa: ca.certificate, deploymentCaKey: ca.key };
});

const read = (der: Uint8Array) => {
  const certificate = readCertificate(der);
  if (!certificate) throw new Error("unreadable");
  return certificate;
};
const madeAt = (time: number) => createNetworkAuthority({ networkId, ...deployment, now: time });

describe("a network CA near its expiry", () => {
  it("is due with less than a third of its lifetime left, if a new one would expire later", async () => {
    const { certificate } = await madeAt(now);
    const { notBefore, notAfter } = read(certificate);
    const third = notAfter - (notAfter - notBefore) / 3;
    // The deployment CA of these tests expires at the same time, so a new certificate would not last longer.
    expect(nearsExpiry(certificate, third + DAY, ca.certificate)).toBe(false);
    expect(nearsExpiry(certificate, third - DAY)).toBe(false);
    expect(nearsExpiry(certificate, third + DAY)).toBe(true);
    expect(nearsExpiry(certificate, notAfter + YEAR)).toBe(true);
    const { certificate: old } = await madeAt(now - 9 * YEAR);
    expect(nearsExpiry(old, now, ca.certificate)).toBe(true);
    expect(nearsExpiry(old, now - 5 * YEAR, ca.certificate)).toBe(false);
  });

  it("is issued again for the same key and name, so either certificate verifies its signatures", async () => {
    const old = await madeAt(now - 9 * YEAR);
    const certificate = await renewNetworkAuthority({
      networkId,
      certificate: old.certificate,
      ...deployment,
      now,
    });
    expect(read(certificate).spki).toEqual(read(old.certificate).spki);
    expect(read(certificate).subject).toBe(read(old.certificate).subject);
    expect(read(certificate).serial).not.toBe(read(old.certificate).serial);
    expect(read(certificate).notAfter).toBeGreaterThan(read(old.certificate).notAfter);
    expect(nearsExpiry(certificate, now, ca.certificate)).toBe(false);
    const renewed = { certificate, privateKey: old.privateKey };
    const publicKey = await spkiOf((await newKeys()).publicKey);
    for (const signer of [old, renewed]) {
      const siteId = siteIdOf();
      const leaf = await signSiteCertificate({ authority: signer, networkId, siteId, publicKey, now });
      for (const shown of [old, renewed]) {
        const chain = [leaf.certificate, shown.certificate];
        const proven = await verifyChain(chain, { deploymentCa: readDeploymentCa(ca.certificate), now });
        expect(proven.siteId).toBe(siteId);
        const authority = new X509Certificate(shown.certificate);
        const seen = new X509Certificate(leaf.certificate);
        expect(seen.checkIssued(authority) && seen.verify(authority.publicKey)).toBe(true);
      }
    }
  });
});

describe("an issuer CA near its expiry", () => {
  it("is issued again for the same key, which verifies its own links only", async () => {
    const old = await createIssuerAuthority({ name: "public1", now: now - 9 * YEAR });
    expect(nearsExpiry(old.certificate, now)).toBe(true);
    const certificate = await renewIssuerAuthority({ ...old, now });
    expect(nearsExpiry(certificate, now)).toBe(false);
    const publicKey = await spkiOf((await newKeys()).publicKey);
    const linkId = linkIdOf();
    const options = { networkId, linkId, siteId: siteIdOf(), publicKey, now };
    const link = await signLinkCertificate({ authority: old, ...options });
    const expected = { networkId, linkId, keyHash: await keyHashOf(publicKey), now };
    const verify = (issuer: Uint8Array) =>
      codeOf(verifyLinkCertificate(link.certificate, { ...expected, issuer }));
    expect(await verify(certificate)).toBe("none");
    const anew = await createIssuerAuthority({ name: "public1", now });
    expect(await verify(anew.certificate)).toBe("certificate.untrusted");
  });

  it("is refused with edge.internal when it is damaged", async () => {
    expect(() => nearsExpiry(new Uint8Array([0x30, 0]), now)).toThrow(
      expect.objectContaining({ code: "edge.internal" }),
    );
  });
});
