import { describe, expect, it } from "vitest";
import {
  judgePath,
  type PathObservation,
  type TlsObservation,
  unknownPath,
} from "../../../../connector/diagnosis/path-judgement.ts";
import { FairleadError } from "../../../../protocol/errors.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const DAY = 86_400_000;
const TLS: TlsObservation = {
  protocol: "TLSv1.3",
  error: null,
  issuer: "Fairlead deployment CA",
  isKnownCa: false,
  fingerprint: "AB:CD",
  names: "DNS:edge.test",
  notBefore: NOW - DAY,
  notAfter: NOW + 60 * DAY,
};
const PRIVATE = { ca: ["PEM"], source: "ca.pem of the site", isPublic: false };
const PUBLIC = { ca: null, source: "the CAs of this machine", isPublic: true };
const GOOD: PathObservation = {
  place: "api",
  host: "edge.test",
  port: 443,
  trust: PRIVATE,
  proxy: null,
  addresses: ["192.0.2.1", "2001:db8::1"],
  connectedMs: 12.4,
  tls: TLS,
};
const REFUSED = new FairleadError("edge.unreachable", "It does not answer.", { action: "Check it." });

const judge = (path: Partial<PathObservation>, skewMs: number | null = 0) =>
  judgePath({ ...GOOD, ...path }, NOW, skewMs);
const tlsOf = (tls: Partial<TlsObservation>, trust = PRIVATE as PathObservation["trust"], skewMs = 0) => {
  const [, , finding] = judge({ tls: { ...TLS, ...tls }, trust }, skewMs);
  return { result: finding?.result, text: `${finding?.detail} ${finding?.action ?? ""}` };
};

describe("judgePath", () => {
  it("passes each layer of a good path", () => {
    expect(judge({})).toEqual([
      { check: "api.dns", result: "pass", detail: "edge.test is 192.0.2.1, 2001:db8::1." },
      { check: "api.tcp", result: "pass", detail: "edge.test:443 accepts connections (12 ms)." },
      {
        check: "api.tls",
        result: "pass",
        detail:
          "TLSv1.3, with a certificate by Fairlead deployment CA that ca.pem of the site proves until 2027-01-25 12:00 UTC.",
      },
    ]);
  });

  it("skips the layers above one that fails", () => {
    const named = judge({ addresses: REFUSED, connectedMs: null, tls: null });
    expect(named.map(({ result }) => result)).toEqual(["fail", "skip", "skip"]);
    const closed = judge({ connectedMs: REFUSED, tls: null });
    expect(closed.map(({ result }) => result)).toEqual(["pass", "fail", "skip"]);
    expect(closed[1]).toMatchObject({ detail: "It does not answer.", action: "Check it." });
  });

  it("resolves no address, and no name that a proxy resolves", () => {
    expect(judge({ host: "192.0.2.1", addresses: null })[0]?.result).toBe("pass");
    const proxied = judge({ addresses: null, proxy: "http://proxy.test:3128" });
    expect(proxied[0]?.result).toBe("skip");
    expect(proxied[1]?.detail).toContain("through http://proxy.test:3128");
  });

  it("only warns of a closed port of lanes, which take the gateway's", () => {
    const [, tcp] = judge({ place: "lanes", connectedMs: REFUSED, tls: null });
    expect(tcp).toMatchObject({ check: "lanes.tcp", result: "warn" });
    expect(tcp?.action).toContain("firewalls");
  });

  it("fails where the server does not speak TLS", () => {
    expect(judge({ tls: REFUSED })[2]).toMatchObject({ result: "fail", action: "Check it." });
  });
});

describe("judgePath of TLS", () => {
  const UNKNOWN = "SELF_SIGNED_CERT_IN_CHAIN";

  it("names a device that signs the certificate again", () => {
    const { result, text } = tlsOf({ error: UNKNOWN, issuer: "Corp Inspection CA" });
    expect(result).toBe("fail");
    expect(text).toContain("issued by Corp Inspection CA, not by the CA of the edge");
    expect(text).toContain("leave edge.test:443 alone");
  });

  it("names such a device also where this machine trusts its CA", () => {
    const { result, text } = tlsOf({ issuer: "Corp Inspection CA" }, PUBLIC);
    expect(result).toBe("warn");
    expect(text).toContain("a CA that only this machine trusts");
    expect(tlsOf({ issuer: "E7", isKnownCa: true }, PUBLIC).result).toBe("pass");
  });

  it("names the CA of another edge", () => {
    const { result, text } = tlsOf({ error: UNKNOWN });
    expect(result).toBe("fail");
    expect(text).toContain("the CA of another edge, not by ca.pem of the site");
  });

  it("warns of an edge's own CA that is not known yet", () => {
    const { result, text } = tlsOf({ error: UNKNOWN }, PUBLIC);
    expect(result).toBe("warn");
    expect(text).toContain("fingerprint AB:CD");
    expect(text).toContain("--ca");
  });

  it("names the clock for an expired certificate when the clock is wrong, and the edge otherwise", () => {
    const expired = { error: "CERT_HAS_EXPIRED", notAfter: NOW - 2 * DAY };
    expect(tlsOf(expired, PRIVATE, -5 * DAY)).toMatchObject({
      result: "fail",
      text: expect.stringContaining("expired 2 days ago. Correct the clock of this machine"),
    });
    expect(tlsOf(expired).text).toContain("restart the edge, which renews its certificate");
    expect(tlsOf({ error: "CERT_NOT_YET_VALID", notBefore: NOW + 3 * 3_600_000 }).text).toContain(
      "is valid in 3 hours only",
    );
  });

  it("names the names of a certificate for another name", () => {
    const { result, text } = tlsOf({ error: "ERR_TLS_CERT_ALTNAME_INVALID" });
    expect(result).toBe("fail");
    expect(text).toContain("not for edge.test; its names are DNS:edge.test");
  });

  it("warns of a certificate that should have been renewed", () => {
    expect(tlsOf({ notBefore: NOW - 80 * DAY, notAfter: NOW + 10 * DAY }).result).toBe("warn");
    expect(tlsOf({ notBefore: NOW - 60 * DAY, notAfter: NOW + 30 * DAY }).result).toBe("pass");
  });
});

describe("unknownPath", () => {
  it("skips every layer", () => {
    expect(unknownPath("lanes", "It is not known.")).toEqual(
      ["lanes.dns", "lanes.tcp", "lanes.tls"].map((check) => ({
        check,
        result: "skip",
        detail: "It is not known.",
      })),
    );
  });
});
