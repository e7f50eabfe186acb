import { describe, expect, it } from "vitest";
import { httpsError } from "../../../../connector/net/failures.ts";
import { ERRORS } from "../../../../protocol/errors.ts";

const ATTEMPT = { url: "https://edge.example", proxy: null, timeoutMs: 5000 };

/** The error for a failure with Node's code. */
const of = (code: string) => httpsError(Object.assign(new Error("failed"), { code }), ATTEMPT);

describe("httpsError", () => {
  it.each(["CERT_NOT_YET_VALID", "CERT_HAS_EXPIRED"])("names the clocks for %s, and not the CA", (code) => {
    const { code: stable, action } = of(code);
    expect(stable).toBe("edge.untrusted");
    expect(action).toContain("clocks of this machine and of the edge");
    expect(action).not.toContain("CA");
  });

  it("names the certificate's names when they do not match", () => {
    expect(of("ERR_TLS_CERT_ALTNAME_INVALID").action).toContain("--hostname NAME");
  });

  it("names the deployment CA for a CA that is not known", () => {
    expect(of("SELF_SIGNED_CERT_IN_CHAIN").action).toContain("Give the deployment CA");
  });

  it("tells a wrong name, a stopped edge and a missing route apart", () => {
    expect(of("ENOTFOUND").action).toContain("DNS");
    expect(of("ECONNREFUSED").action).toContain("Check that the edge runs");
    expect(of("ENETUNREACH").action).toContain("no route");
    for (const code of ["ENOTFOUND", "ECONNREFUSED", "ENETUNREACH", "ECONNRESET"]) {
      expect(of(code).code).toBe("edge.unreachable");
    }
    expect(of("ECONNRESET").action).toContain("closed the connection");
    expect(of("EUNKNOWN").action).toBe(ERRORS["edge.unreachable"].action);
  });
});
