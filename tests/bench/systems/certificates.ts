/** Certificates for the references. */
import "reflect-metadata";
import { randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { makeAuthority, type TestAuthority, type TestLeaf } from "../../support/authority/certificates.ts";

export { makeAuthority };

/** Makes a certificate for localhost, for servers and clients. P-256, as in Fairlead. */
export async function makeLocalLeaf(issuer: TestAuthority): Promise<TestLeaf> {
  const keys = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomBytes(16).toString("hex"),
    subject: "CN=localhost",
    issuer: `CN=${issuer.name}`,
    notBefore: new Date(Date.now() - 300_000),
    notAfter: new Date(Date.now() + 24 * 3600 * 1000),
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.clientAuth,
        x509.ExtendedKeyUsage.serverAuth,
      ]),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }]),
    ],
  });
  const der = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    certificate: `${certificate.toString("pem")}\n`,
    key: x509.PemConverter.encode(der, "PRIVATE KEY"),
  };
}
