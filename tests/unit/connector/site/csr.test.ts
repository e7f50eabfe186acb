import { createPublicKey, generateKeyPairSync, webcrypto } from "node:crypto";
import { describe, expect, it } from "vitest";
import { makeCsr } from "../../../../connector/site/csr.ts";
import { Pkcs10CertificateRequest } from "../../../../connector/x509.ts";

describe("a certificate request", () => {
  it.each([
    ["a short name", "east"],
    ["a name of 63 characters", "e".repeat(63)],
    ["a subject whose length takes two bytes", "e".repeat(300)],
  ])("has the key, the subject and a signature that a library accepts, with %s", async (_, site) => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const request = new Pkcs10CertificateRequest(makeCsr(privateKey, site));
    expect(request.subject).toBe(`CN=${site}`);
    expect(request.attributes).toEqual([]);
    const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
    expect(Buffer.from(request.publicKey.rawData).equals(spki)).toBe(true);
    expect(await request.verify(webcrypto)).toBe(true);
  });
});
