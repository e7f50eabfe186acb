import { describe, expect, it } from "vitest";
import { KnownNetworks } from "../../../../workers/gateway/known-networks.ts";
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

describe("the proof of TLS", () => {
  it("is the certificate that the platform reports", () => {
    expect(proofFromPlatform({ tlsClientAuth: REPORTED })).toEqual({
      certificate: new Uint8Array([1, 2, 3]),
    });
  });

  it("does not need to know about revocation, but believes it", () => {
    const { certRevoked: _, ...silent } = REPORTED;
    expect(codeOf(() => proofFromPlatform({ tlsClientAuth: silent }))).toBe("none");
    const revoked = { tlsClientAuth: { ...REPORTED, certRevoked: "1" } };
    expect(codeOf(() => proofFromPlatform(revoked))).toBe("certificate.revoked");
  });

  it("is not anything that only looks like it", () => {
    for (const cf of [undefined, null, {}, "1", { tlsClientAuth: null }, { tlsClientAuth: "1" }]) {
      expect(codeOf(() => proofFromPlatform(cf))).toBe("certificate.required");
    }
    for (const certPresented of ["0", "", "01", 1, true, null, ["1"]]) {
      const cf = { tlsClientAuth: { ...REPORTED, certPresented } };
      expect(codeOf(() => proofFromPlatform(cf))).toBe("certificate.required");
    }
  });

  it("is not a certificate that was too large to report, and that is told", () => {
    for (const certRFC9440TooLarge of [true, "1", "true"]) {
      const cf = { tlsClientAuth: { ...REPORTED, certRFC9440TooLarge } };
      expect(() => proofFromPlatform(cf)).toThrow(/too large/);
    }
    for (const certRFC9440TooLarge of [false, "0", undefined]) {
      const cf = { tlsClientAuth: { ...REPORTED, certRFC9440TooLarge } };
      expect(codeOf(() => proofFromPlatform(cf))).toBe("none");
    }
  });

  it("of a socket is the configuration's word, exactly", () => {
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

  it("of a front that reports none is missing, whatever else its configuration says", () => {
    const props = { reportsClientCertificates: true, enforcesClientCertificates: true };
    expect(codeOf(() => proofFromSocket(props, { clientIp: "192.0.2.1" }))).toBe("certificate.required");
  });
});

describe("the networks that are known", () => {
  it("are asked for once in five seconds", async () => {
    const known = new KnownNetworks();
    let asked = 0;
    const ask = async () => {
      asked++;
      return true;
    };
    for (const now of [0, 1000, 4999]) expect(await known.has("n", now, ask)).toBe(true);
    expect(asked).toBe(1);
    await known.has("n", 5000, ask);
    expect(asked).toBe(2);
  });

  it("do not include one that was asked for in vain", async () => {
    const known = new KnownNetworks();
    expect(await known.has("n", 0, async () => false)).toBe(false);
    expect(await known.has("n", 1, async () => true)).toBe(true);
  });
});
