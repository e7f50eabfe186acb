import { beforeAll, describe, expect, it } from "vitest";
import { verifyChain } from "../../../../workers/authority/chain.ts";
import type { KeyPair } from "../../../../workers/authority/keys.ts";
import { readDeploymentCa } from "../../../../workers/authority/x509.ts";
import {
  codeOf,
  createDeploymentCa,
  createSite,
  DAY,
  type DeploymentCa,
  forge,
  networkIdOf,
  newKeys,
  siteIdOf,
  type TestSite,
  uris,
  x509,
} from "../../../support/authority/test-site.ts";

const CA_NAME = "CN=Fairlead deployment CA";
const NETWORK_NAME = "CN=Fairlead network test";

let ca: DeploymentCa;
let site: TestSite;
let networkKeys: KeyPair;
let leafKeys: KeyPair;
const networkId = networkIdOf();
const siteId = siteIdOf();

beforeAll(async () => {
  ca = await createDeploymentCa(CA_NAME);
  site = await createSite(ca);
  networkKeys = await newKeys();
  leafKeys = await newKeys();
});

const check = (chain: readonly Uint8Array[], now = Date.now()) =>
  verifyChain(chain, { deploymentCa: readDeploymentCa(ca.certificate), now });

const constraints = (isCa: boolean) => new x509.BasicConstraintsExtension(isCa, isCa ? 0 : undefined, true);
const clientAuth = () => new x509.ExtendedKeyUsageExtension(["1.3.6.1.5.5.7.3.2"]);
const mayCertify = () => new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true);

/** A network CA, valid but for the options. */
const networkCa = (options: Partial<Parameters<typeof forge>[0]> = {}) =>
  forge({
    subject: NETWORK_NAME,
    issuer: CA_NAME,
    publicKey: networkKeys.publicKey,
    signer: ca.keys.privateKey,
    extensions: [constraints(true), mayCertify(), uris(`spiffe://${networkId}`)],
    ...options,
  });

/** A leaf under it, valid but for the options. */
const leaf = (options: Partial<Parameters<typeof forge>[0]> = {}) =>
  forge({
    subject: "CN=site",
    issuer: NETWORK_NAME,
    publicKey: leafKeys.publicKey,
    signer: networkKeys.privateKey,
    extensions: [constraints(false), clientAuth(), uris(`spiffe://${networkId}/site/${siteId}`)],
    ...options,
  });

describe("verifyChain", () => {
  it("proves the site of a certificate and its network's CA", async () => {
    const proven = await check([site.certificate.certificate, site.authority.certificate]);
    expect(proven).toMatchObject({ networkId: site.networkId, siteId: site.siteId });
  });

  it("accepts a chain made by hand in the same form, so each refusal below has one reason", async () => {
    expect(await check([await leaf(), await networkCa()])).toMatchObject({ networkId, siteId });
  });

  it("refuses one certificate, three certificates, and two in the wrong order", async () => {
    const { certificate } = site.certificate;
    const authority = site.authority.certificate;
    expect(await codeOf(check([certificate]))).toBe("certificate.untrusted");
    expect(await codeOf(check([certificate, authority, ca.der]))).toBe("certificate.untrusted");
    expect(await codeOf(check([authority, certificate]))).toBe("certificate.untrusted");
    expect(await codeOf(check([]))).toBe("certificate.untrusted");
  });

  it("refuses a certificate that is garbage, empty or followed by other bytes", async () => {
    const { certificate } = site.certificate;
    const authority = site.authority.certificate;
    for (const bad of [
      new Uint8Array(),
      new Uint8Array([0x30, 3, 1, 2]),
      new Uint8Array([...certificate, 0]),
    ]) {
      expect(await codeOf(check([bad, authority]))).toBe("certificate.untrusted");
    }
  });

  it("refuses a network CA of another deployment with the same name", async () => {
    const rogue = await createDeploymentCa(CA_NAME);
    const other = await createSite(rogue);
    expect(await codeOf(check([other.certificate.certificate, other.authority.certificate]))).toBe(
      "certificate.untrusted",
    );
  });

  it("refuses a leaf of another network than its CA", async () => {
    const other = await createSite(ca);
    expect(await codeOf(check([other.certificate.certificate, site.authority.certificate]))).toBe(
      "certificate.untrusted",
    );
  });

  it("refuses a leaf that a network's CA signed for another network", async () => {
    const stranger = await leaf({
      extensions: [constraints(false), clientAuth(), uris(`spiffe://${networkIdOf()}/site/${siteId}`)],
    });
    expect(await codeOf(check([stranger, await networkCa()]))).toBe("certificate.wrong_network");
  });

  it("refuses a leaf that the deployment CA signed", async () => {
    const direct = await leaf({ issuer: CA_NAME, signer: ca.keys.privateKey });
    expect(await codeOf(check([direct, ca.der]))).toBe("certificate.untrusted");
  });

  it("refuses an expired network CA", async () => {
    const ended = await networkCa({ notBefore: Date.now() - 3 * DAY, notAfter: Date.now() - DAY });
    expect(await codeOf(check([await leaf(), ended]))).toBe("certificate.expired");
  });
});

describe("verifyChain on a network CA", () => {
  const cases: Record<string, () => Promise<Uint8Array>> = {
    "when it is no CA": () => networkCa({ extensions: [constraints(false), uris(`spiffe://${networkId}`)] }),
    "when it says nothing about being a CA": () => networkCa({ extensions: [uris(`spiffe://${networkId}`)] }),
    "when its key usage forbids signing certificates": () =>
      networkCa({
        extensions: [
          constraints(true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          uris(`spiffe://${networkId}`),
        ],
      }),
    "when it names no network": () => networkCa({ extensions: [constraints(true)] }),
    "when it names two networks": () =>
      networkCa({
        extensions: [constraints(true), uris(`spiffe://${networkId}`, `spiffe://${networkIdOf()}`)],
      }),
    "when it names a site": () =>
      networkCa({ extensions: [constraints(true), uris(`spiffe://${networkId}/site/${siteId}`)] }),
    "when its key signed it": () => networkCa({ issuer: NETWORK_NAME, signer: networkKeys.privateKey }),
  };
  for (const [title, make] of Object.entries(cases)) {
    it(`refuses a network CA ${title}`, async () => {
      expect(await codeOf(check([await leaf(), await make()]))).toBe("certificate.untrusted");
    });
  }
});

describe("verifyChain on a leaf", () => {
  const name = () => uris(`spiffe://${networkId}/site/${siteId}`);
  const cases: Record<string, () => Promise<Uint8Array>> = {
    "when it is a CA": () => leaf({ extensions: [constraints(true), clientAuth(), name()] }),
    "when it is not for client authentication": () =>
      leaf({ extensions: [new x509.ExtendedKeyUsageExtension(["1.3.6.1.5.5.7.3.1"]), name()] }),
    "when it has no extended key usage": () => leaf({ extensions: [constraints(false), name()] }),
    "when it names no site": () => leaf({ extensions: [clientAuth()] }),
    "when it names the network only": () =>
      leaf({ extensions: [clientAuth(), uris(`spiffe://${networkId}`)] }),
    "when it names a link": () =>
      leaf({ extensions: [clientAuth(), uris(`spiffe://${networkId}/link/l${"0".repeat(26)}`)] }),
    "when it names two sites": () =>
      leaf({
        extensions: [
          clientAuth(),
          uris(`spiffe://${networkId}/site/${siteId}`, `spiffe://${networkId}/site/${siteIdOf()}`),
        ],
      }),
    "when it also has a DNS name": () =>
      leaf({
        extensions: [
          clientAuth(),
          new x509.SubjectAlternativeNameExtension([
            { type: "url", value: `spiffe://${networkId}/site/${siteId}` },
            { type: "dns", value: "edge.test" },
          ]),
        ],
      }),
    "when it has two SANs": () => leaf({ extensions: [clientAuth(), name(), name()] }),
    "when it has an unknown critical extension": () =>
      leaf({
        extensions: [clientAuth(), name(), new x509.Extension("1.2.3.4", true, new Uint8Array([5, 0]))],
      }),
    "when its issuer has another name": () => leaf({ issuer: "CN=another" }),
    "when another key signed it": async () => leaf({ signer: (await newKeys()).privateKey }),
    "when its key is P-384": async () => {
      const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-384" }, true, [
        "sign",
        "verify",
      ]);
      return leaf({ publicKey: (keys as KeyPair).publicKey });
    },
    "when its key is RSA": async () => {
      const keys = await crypto.subtle.generateKey(
        {
          name: "RSASSA-PKCS1-v1_5",
          modulusLength: 2048,
          publicExponent: new Uint8Array([1, 0, 1]),
          hash: "SHA-256",
        },
        true,
        ["sign", "verify"],
      );
      return leaf({ publicKey: (keys as KeyPair).publicKey });
    },
  };
  for (const [title, make] of Object.entries(cases)) {
    it(`refuses a leaf ${title}`, async () => {
      expect(await codeOf(check([await make(), await networkCa()]))).toBe("certificate.untrusted");
    });
  }
});
