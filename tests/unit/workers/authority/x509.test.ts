import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { createIssuerAuthority } from "../../../../workers/authority/authority.ts";
import {
  type Certificate,
  readAuthority,
  readCertificate,
  readRequest,
} from "../../../../workers/authority/x509.ts";
import {
  createCsr,
  createDeploymentCa,
  createSite,
  DAY,
  type DeploymentCa,
  forge,
  newKeys,
  type TestSite,
  uris,
  x509,
} from "../../../support/authority/test-site.ts";

let ca: DeploymentCa;
let site: TestSite;
let samples: Uint8Array<ArrayBuffer>[];

beforeAll(async () => {
  ca = await createDeploymentCa();
  site = await createSite(ca);
  const keys = await newKeys();
  const library = await forge({
    subject: 'CN=a "quoted" name, O=Ünïcode + more, OU=third',
    issuer: "CN=issuer",
    publicKey: keys.publicKey,
    signer: keys.privateKey,
    notAfter: Date.UTC(2060, 0, 1),
    extensions: [
      new x509.BasicConstraintsExtension(true, 3, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign),
      new x509.ExtendedKeyUsageExtension(["1.3.6.1.5.5.7.3.2", "1.2.3.4"]),
      new x509.SubjectAlternativeNameExtension([
        { type: "url", value: "spiffe://a/b" },
        { type: "dns", value: "a.example" },
      ]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const issuer = await createIssuerAuthority({ name: "network", now: Date.now() });
  samples = [site.certificate.certificate, site.authority.certificate, ca.der, library, issuer.certificate];
});

/** What the library (@peculiar/x509) reads from the same bytes. */
function byLibrary(
  der: Uint8Array<ArrayBuffer>,
): Omit<Certificate, "isSignedBy" | "subject" | "subjectName" | "issuer" | "der"> {
  const certificate = new x509.X509Certificate(der);
  const usages = certificate.getExtension(x509.KeyUsagesExtension)?.usages ?? null;
  const keyId = certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId ?? null;
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  return {
    serial: certificate.serialNumber.toLowerCase(),
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
    spki: new Uint8Array(certificate.publicKey.rawData),
    subjectKeyId: keyId === null ? null : Uint8Array.from(Buffer.from(keyId, "hex")),
    isAuthority: certificate.getExtension(x509.BasicConstraintsExtension)?.ca === true,
    maySignCertificates: usages === null || (usages & x509.KeyUsageFlags.keyCertSign) !== 0,
    extendedKeyUsages: (certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? []).map(String),
    names: names.map(({ type, value }) => (type === "url" ? { type, value } : { type: "other", value: "" })),
  };
}

/** The same; null when the library refuses the bytes. */
function byLibraryIfItCan(der: Uint8Array<ArrayBuffer>): ReturnType<typeof byLibrary> | null {
  try {
    return byLibrary(der);
  } catch {
    return null;
  }
}

describe("readCertificate", () => {
  it("reads what the library reads", () => {
    for (const der of samples) expect(readCertificate(der)).toMatchObject(byLibrary(der));
  });

  it("reads equal names as equal, independent of their kinds of string", async () => {
    const keys = await newKeys();
    const make = async (kind: "utf8String" | "printableString") => {
      const name = new x509.Name([{ "2.5.4.3": [{ [kind]: "Fairlead" }] }]);
      const certificate = await x509.X509CertificateGenerator.create({
        subject: name,
        issuer: name,
        publicKey: keys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
      });
      return readCertificate(new Uint8Array(certificate.rawData));
    };
    const [left, right] = [await make("utf8String"), await make("printableString")];
    expect(left?.subject).toBe(right?.subject);
    expect(left?.subjectName).not.toEqual(right?.subjectName);
    expect(left?.subject).toBe(left?.issuer);
    expect(readCertificate(ca.der)?.subject).not.toBe(left?.subject);
  });

  it("regards no certificate with a changed byte as signed, and reads it as the library does", async () => {
    const authority = readCertificate(site.authority.certificate);
    const good = site.certificate.certificate;
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const altered = Uint8Array.from(good, (byte, index) => (index === at ? byte ^ change : byte));
        const read = readCertificate(altered);
        if (read === null) return;
        const expected = byLibraryIfItCan(altered);
        if (expected !== null) expect(read).toMatchObject(expected);
        if (authority !== null) expect(await read.isSignedBy(authority)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it("returns null for a certificate that was cut off anywhere", () => {
    for (const der of samples) {
      for (let length = 0; length < der.length; length++)
        expect(readCertificate(der.subarray(0, length))).toBeNull();
    }
  });

  it("returns null for any other bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => readCertificate(bytes) === null));
  });
});

describe("Certificate.isSignedBy", () => {
  it("holds for the issuer's key alone, with each hash", async () => {
    const keys = await newKeys();
    for (const hash of ["SHA-256", "SHA-384", "SHA-512"]) {
      const certificate = await x509.X509CertificateGenerator.createSelfSigned({
        name: "CN=self",
        keys,
        signingAlgorithm: { name: "ECDSA", hash },
        notAfter: new Date(Date.now() + DAY),
        extensions: [uris("spiffe://a")],
      });
      const read = readCertificate(new Uint8Array(certificate.rawData));
      const other = readCertificate(ca.der);
      if (read === null || other === null) throw new Error("not read");
      expect(await read.isSignedBy(read)).toBe(true);
      expect(await read.isSignedBy(other)).toBe(false);
    }
  });
});

describe("readAuthority", () => {
  it("returns the same certificate for the same bytes, and another one for others", async () => {
    const other = await createSite(ca);
    const first = readAuthority(site.authority.certificate);
    expect(readAuthority(Uint8Array.from(other.authority.certificate))).not.toBe(first);
    expect(readAuthority(Uint8Array.from(site.authority.certificate))).toBe(first);
    expect(first?.serial).toBe(readCertificate(site.authority.certificate)?.serial);
  });

  it("forgets CAs when it has read many others", async () => {
    const first = readAuthority(Uint8Array.from(site.authority.certificate));
    for (let count = 0; count < 8; count++) {
      readAuthority((await createIssuerAuthority({ name: "other", now: Date.now() })).certificate);
    }
    const again = readAuthority(Uint8Array.from(site.authority.certificate));
    expect(again).not.toBe(first);
    expect(again?.serial).toBe(first?.serial);
  });

  it("returns null for garbage, each time", () => {
    expect(readAuthority(Uint8Array.of(1, 2, 3))).toBeNull();
    expect(readAuthority(Uint8Array.of(1, 2, 3))).toBeNull();
  });

  it("refuses a changed byte and a foreign issuer after the signature was found good", async () => {
    const deploymentCa = readCertificate(ca.der) as Certificate;
    const foreignCa = readCertificate((await createDeploymentCa()).der) as Certificate;
    const der = site.authority.certificate;
    for (let time = 0; time < 2; time++) {
      expect(await readAuthority(Uint8Array.from(der))?.isSignedBy(deploymentCa)).toBe(true);
      expect(await readAuthority(Uint8Array.from(der))?.isSignedBy(foreignCa)).toBe(false);
    }
    const changed = Uint8Array.from(der);
    changed[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    expect((await readAuthority(changed)?.isSignedBy(deploymentCa)) ?? false).toBe(false);
  });
});

describe("makeCertificate", () => {
  it("makes certificates whose extensions OpenSSL and the library read as intended", () => {
    const leaf = new x509.X509Certificate(site.certificate.certificate);
    const authority = new x509.X509Certificate(site.authority.certificate);
    expect(leaf.getExtension(x509.KeyUsagesExtension)?.usages).toBe(x509.KeyUsageFlags.digitalSignature);
    expect(authority.getExtension(x509.KeyUsagesExtension)?.usages).toBe(
      x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
    );
    expect(authority.getExtension(x509.BasicConstraintsExtension)?.pathLength).toBe(0);
    const keyId = authority.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
    expect(leaf.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId).toBe(keyId);
    expect(new X509Certificate(site.certificate.certificate).subject).toBe(`CN=${site.siteId}`);
  });
});

describe("readRequest", () => {
  it("reads the key of a genuine request", async () => {
    const keys = await newKeys();
    const request = readRequest(await createCsr(keys));
    expect(await request.isGenuine()).toBe(true);
    const spki = await crypto.subtle.exportKey("spki", keys.publicKey);
    expect(request.spki).toEqual(new Uint8Array(spki as ArrayBuffer));
  });

  it("regards no request with a changed byte as genuine", async () => {
    const csr = await createCsr(await newKeys());
    await fc.assert(
      fc.asyncProperty(fc.nat(csr.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const altered = Uint8Array.from(csr, (byte, index) => (index === at ? byte ^ change : byte));
        let request: ReturnType<typeof readRequest>;
        try {
          request = readRequest(altered);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(RangeError);
          return;
        }
        expect(await request.isGenuine()).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});
