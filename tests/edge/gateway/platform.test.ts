/** Cloudflare's report of a client certificate (`cf.tlsClientAuth`), and values that resemble it. */
import { afterEach, describe, expect, it } from "vitest";
import { createNetwork, dial, errorOf, join, reported } from "../../support/workerd/client.ts";
import { resetEdge } from "../../support/workerd/reset.ts";

afterEach(() => resetEdge());

async function setUp() {
  await createNetwork("shop");
  return join("shop", "west");
}

/** Closes an uplink of a test. */
function hangUp(response: Response): void {
  response.webSocket?.accept();
  response.webSocket?.close();
}

/** The platform's report where no client certificate is requested. */
const PLACEHOLDERS = {
  certPresented: "0",
  certVerified: "NONE",
  certRevoked: "0",
  certIssuerDN: "",
  certSubjectDN: "",
  certSerial: "",
  certIssuerSerial: "",
  certSKI: "",
  certIssuerSKI: "",
  certFingerprintSHA1: "",
  certFingerprintSHA256: "",
  certNotBefore: "",
  certNotAfter: "",
  certRFC9440: "",
  certRFC9440TooLarge: false,
  certChainRFC9440: "",
  certChainRFC9440TooLarge: false,
};

describe("an uplink on Cloudflare", () => {
  const good = (certificate: Uint8Array) => reported(certificate).tlsClientAuth;
  const deceptive: Record<string, (tls: ReturnType<typeof good>) => unknown> = {
    "when the platform reports nothing": () => undefined,
    "when the platform reports an empty object": () => ({}),
    "when no certificate was presented": (tls) => ({ ...tls, certPresented: "0" }),
    "when certPresented is a number": (tls) => ({ ...tls, certPresented: 1 }),
    "when certPresented is true": (tls) => ({ ...tls, certPresented: true }),
    "when certPresented says something else": (tls) => ({ ...tls, certPresented: "10" }),
    "when certPresented is missing": ({ certPresented: _, ...tls }) => tls,
    "when the certificate is missing": ({ certRFC9440: _, ...tls }) => tls,
    "when the certificate is empty": (tls) => ({ ...tls, certRFC9440: "" }),
    "when the certificate is empty between its colons": (tls) => ({ ...tls, certRFC9440: "::" }),
    "when the certificate lacks its colons": (tls) => ({ ...tls, certRFC9440: tls.certRFC9440.slice(1, -1) }),
    "when the certificate is not base64": (tls) => ({ ...tls, certRFC9440: ":%%%:" }),
    "when certRevoked is false": (tls) => ({ ...tls, certRevoked: false }),
    "when certRevoked is empty": (tls) => ({ ...tls, certRevoked: "" }),
    "when certRevoked is a number": (tls) => ({ ...tls, certRevoked: 0 }),
    "when certRevoked says something else": (tls) => ({ ...tls, certRevoked: "00" }),
    "when the platform fills everything with placeholders, as on workers.dev": () => PLACEHOLDERS,
    "when placeholders stand beside a certificate": (tls) => ({
      ...PLACEHOLDERS,
      certRFC9440: tls.certRFC9440,
    }),
    "when the certificate was verified but not presented": (tls) => ({
      ...tls,
      certPresented: "0",
      certVerified: "SUCCESS",
    }),
    "when the certificate was too large to report": (tls) => ({
      ...tls,
      certRFC9440: "",
      certRFC9440TooLarge: "1",
    }),
    "when the platform says that it is too large, and reports one": (tls) => ({
      ...tls,
      certRFC9440TooLarge: true,
    }),
    "when two certificates are reported in one field": (tls) => ({
      ...tls,
      certRFC9440: `${tls.certRFC9440}, ${tls.certRFC9440}`,
    }),
    "when the certificate is a list": (tls) => ({ ...tls, certRFC9440: [tls.certRFC9440] }),
  };
  for (const [title, change] of Object.entries(deceptive)) {
    it(`is refused ${title}`, async () => {
      const west = await setUp();
      const cf = { tlsClientAuth: change(good(west.certificate.certificate)) };
      expect(await errorOf(dial(west, { cf }))).toEqual([401, "certificate.required"]);
    });
  }

  it("is refused when the platform says that the certificate was revoked, though it verifies", async () => {
    const west = await setUp();
    for (const certVerified of ["SUCCESS", "FAILED:certificate revoked"]) {
      const cf = { tlsClientAuth: { ...good(west.certificate.certificate), certVerified, certRevoked: "1" } };
      expect(await errorOf(dial(west, { cf }))).toEqual([403, "certificate.revoked"]);
    }
  });

  const harmless: Record<string, (tls: ReturnType<typeof good>) => object> = {
    "that the platform could verify": (tls) => ({ ...tls, certVerified: "SUCCESS" }),
    "that the platform could not verify": (tls) => ({
      ...tls,
      certVerified: "FAILED:self signed certificate",
    }),
    "whose size is reported as text": (tls) => ({ ...tls, certRFC9440TooLarge: "0" }),
    "whose chain is too large to report": (tls) => ({
      ...tls,
      certChainRFC9440: "",
      certChainRFC9440TooLarge: "1",
    }),
    "beside the chain of another certificate": (tls) => ({ ...tls, certChainRFC9440: tls.certRFC9440 }),
  };
  for (const [title, change] of Object.entries(harmless)) {
    it(`opens with a certificate ${title}`, async () => {
      const west = await setUp();
      const response = await dial(west, {
        cf: { tlsClientAuth: change(good(west.certificate.certificate)) },
      });
      expect(response.status).toBe(101);
      hangUp(response);
    });
  }
});
