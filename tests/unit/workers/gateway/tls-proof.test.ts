import { describe, expect, it } from "vitest";
import { proofFromPlatform, proofFromSocket } from "../../../../workers/gateway/tls-proof.ts";

const REPORTED = { certPresented: "1", certVerified: "FAILED:x", certRevoked: "0", certRFC9440: ":AQID:" };

const codeOf = (attempt: () => unknown): unknown => {
  try {
    attempt();
    return "none";
  } catch (thrown) {
    return thrown instanceof Error && "code" in thrown ? thrown.code : thrown;
  }
};

describe("proofFromPlatform and proofFromSocket", () => {
  it("return the certificate that the platform reports", () => {
    expect(proofFromPlatform({ tlsClientAuth: REPORTED })).toEqual({
      certificate: new Uint8Array([1, 2, 3]),
    });
  });

  it("accept a report without a revocation status, and refuse a revoked certificate", () => {
    const { certRevoked: _, ...silent } = REPORTED;
    expect(codeOf(() => proofFromPlatform({ tlsClientAuth: silent }))).toBe("none");
    const revoked = { tlsClientAuth: { ...REPORTED, certRevoked: "1" } };
    expect(codeOf(() => proofFromPlatform(revoked))).toBe("certificate.revoked");
  });

  it("refuse a report of any other form with certificate.required", () => {
    for (const cf of [undefined, null, {}, "1", { tlsClientAuth: null }, { tlsClientAuth: "1" }]) {
      expect(codeOf(() => proofFromPlatform(cf))).toBe("certificate.required");
    }
    for (const certPresented of ["0", "", "01", 1, true, null, ["1"]]) {
      const cf = { tlsClientAuth: { ...REPORTED, certPresented } };
      expect(codeOf(() => proofFromPlatform(cf))).toBe("certificate.required");
    }
  });

  it("refuse a certificate that was too large to report, with this reason", () => {
    for (const certRFC9440TooLarge of [true, "1", "true"]) {
      const cf = { tlsClientAuth: { ...REPORTED, certRFC9440TooLarge } };
      expect(() => proofFromPlatform(cf)).toThrow(/too large/);
    }
    for (const certRFC9440TooLarge of [false, "0", undefined]) {
      const cf = { tlsClientAuth: { ...REPORTED, certRFC9440TooLarge } };
      expect(codeOf(() => proofFromPlatform(cf))).toBe("none");
    }
  });

  it("accept at a socket exactly the proofs of its configuration", () => {
    const cf = { tlsClientAuth: REPORTED };
    expect(proofFromSocket({ enforcesClientCertificates: true }, cf)).toEqual({ certificate: null });
    expect(proofFromSocket({ reportsClientCertificates: true }, cf)).toEqual(proofFromPlatform(cf));
    for (const props of [
      undefined,
      null,
      {},
      { enforcesClientCertificates: 1 },
      { enforcesClientCertificates: "true" },
      { reportsClientCertificates: "true" },
    ]) {
      expect(codeOf(() => proofFromSocket(props, cf))).toBe("certificate.required");
    }
  });

  it("refuse a front's request without a report, even if the configuration also enforces certificates", () => {
    const props = { reportsClientCertificates: true, enforcesClientCertificates: true };
    expect(codeOf(() => proofFromSocket(props, { clientIp: "192.0.2.1" }))).toBe("certificate.required");
  });
});
