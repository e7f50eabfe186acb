/** The certificate request that a joining site sends. */
import { createPublicKey, type KeyObject, webcrypto } from "node:crypto";
import { Pkcs10CertificateRequestGenerator } from "../x509.ts";

const ECDSA = { name: "ECDSA", namedCurve: "P-256" } as const;

/**
 * A self-signed PKCS #10 request for `key`, base64 DER. The subject is only for people: the edge reads
 * nothing but the public key.
 */
export async function makeCsr(key: KeyObject, site: string): Promise<string> {
  const privateDer = key.export({ type: "pkcs8", format: "der" });
  const publicDer = createPublicKey(key).export({ type: "spki", format: "der" });
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${site}`,
    keys: {
      privateKey: await webcrypto.subtle.importKey("pkcs8", privateDer, ECDSA, false, ["sign"]),
      publicKey: await webcrypto.subtle.importKey("spki", publicDer, ECDSA, true, ["verify"]),
    },
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
  });
  return Buffer.from(request.rawData).toString("base64");
}
