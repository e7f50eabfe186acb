import { describe, expect, it } from "vitest";
import { certificateState, decideStart, renewAt } from "../../../../connector/site/decisions.ts";
import { RENEWABLE_MS } from "../../../../protocol/uplink/assertions.ts";

const validity = { notBefore: 1000, notAfter: 101_000 };
const member = { ...validity, site: "west", formerNames: ["old-west"], network: "shop", links: [] };
const facts = { member, site: "west", tokens: 0, now: 50_000 };

describe("a certificate", () => {
  it("is good until its end, renewable for 30 days, then too old", () => {
    expect(certificateState(validity, 100_999)).toBe("good");
    expect(certificateState(validity, 101_000)).toBe("expired");
    expect(certificateState(validity, 101_000 + RENEWABLE_MS)).toBe("expired");
    expect(certificateState(validity, 101_001 + RENEWABLE_MS)).toBe("too_old");
  });

  it("is good when the site's clock is behind", () => {
    expect(certificateState(validity, 0)).toBe("good");
  });

  it("is renewed from half of its life on, spread over a tenth of it", () => {
    expect(renewAt(validity, 0)).toBe(51_000);
    expect(renewAt(validity, 0.999)).toBeLessThan(61_000);
    expect(renewAt(validity, 0.5)).toBe(56_000);
  });
});

describe("a connector that starts", () => {
  it("joins when it is no member and has a token", () => {
    expect(decideStart({ ...facts, member: null, tokens: 1 })).toEqual({ do: "join" });
  });

  it("fails with token.missing when it is no member and has no token", () => {
    expect(decideStart({ ...facts, member: null })).toMatchObject({ do: "fail", code: "token.missing" });
  });

  it("goes on with what it has, with or without tokens and name", () => {
    expect(decideStart(facts)).toEqual({ do: "go" });
    expect(decideStart({ ...facts, tokens: 2, site: undefined })).toEqual({ do: "go" });
  });

  it("refuses another site's state directory", () => {
    const decision = decideStart({ ...facts, site: "east" });
    expect(decision).toMatchObject({ do: "fail", code: "request.invalid" });
  });

  it("goes on under a name that it had before", () => {
    expect(decideStart({ ...facts, site: "old-west" })).toEqual({ do: "go" });
  });

  it("renews an expired certificate first", () => {
    expect(decideStart({ ...facts, now: 101_001 })).toEqual({ do: "renew" });
  });

  it("joins again with a token when its certificate is too old, and fails without one", () => {
    const now = 200_000 + RENEWABLE_MS;
    expect(decideStart({ ...facts, now, tokens: 1 })).toEqual({ do: "join" });
    const decision = decideStart({ ...facts, now });
    expect(decision).toMatchObject({ do: "fail", code: "certificate.too_old" });
    // It names when it ended, the commands that mend it, and the network that they are for.
    const message = decision.do === "fail" ? decision.message : "";
    expect(message).toContain(new Date(validity.notAfter).toISOString());
    expect(message).toContain("`fairlead token create --network shop -o token.yaml`");
    expect(message).toContain("--token token.yaml");
  });

  it("asks for a token of an issuer that it has a link to, which widens nothing", () => {
    const now = 200_000 + RENEWABLE_MS;
    const linkedTo = (...issuers: string[]) => {
      const member = { ...facts.member, links: issuers.map((issuer) => ({ issuer })) };
      const decision = decideStart({ ...facts, member, now });
      return decision.do === "fail" ? decision.message : "";
    };
    expect(linkedTo("public1", "public2")).toContain("--network shop --issuer public1 -o");
    for (const issuers of [[], ["public1", "network"]]) {
      expect(linkedTo(...issuers)).toContain("--network shop -o");
    }
  });
});
