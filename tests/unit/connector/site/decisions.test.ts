import { describe, expect, it } from "vitest";
import { certificateState, decideStart, renewAt } from "../../../../connector/site/decisions.ts";
import { RENEWABLE_MS } from "../../../../protocol/uplink/assertions.ts";

const validity = { notBefore: 1000, notAfter: 101_000 };
const member = { ...validity, site: "west", formerNames: ["old-west"], network: "shop", links: [] };
const facts = { member, site: "west", tokens: 0, now: 50_000 };

describe("certificateState and renewAt", () => {
  it("call a certificate good until its end, renewable for 30 days, then too old", () => {
    expect(certificateState(validity, 100_999)).toBe("good");
    expect(certificateState(validity, 101_000)).toBe("expired");
    expect(certificateState(validity, 101_000 + RENEWABLE_MS)).toBe("expired");
    expect(certificateState(validity, 101_001 + RENEWABLE_MS)).toBe("too_old");
  });

  it("call a certificate good when the site's clock is behind", () => {
    expect(certificateState(validity, 0)).toBe("good");
  });

  it("spread renewals over a tenth of a certificate's life, from half of it on", () => {
    expect(renewAt(validity, 0)).toBe(51_000);
    expect(renewAt(validity, 0.999)).toBeLessThan(61_000);
    expect(renewAt(validity, 0.5)).toBe(56_000);
  });
});

describe("decideStart", () => {
  it("joins without a membership and with a token", () => {
    expect(decideStart({ ...facts, member: null, tokens: 1 })).toEqual({ do: "join" });
  });

  it("fails with token.missing without a membership and a token", () => {
    expect(decideStart({ ...facts, member: null })).toMatchObject({ do: "fail", code: "token.missing" });
  });

  it("uses the membership, with or without tokens and a name", () => {
    expect(decideStart(facts)).toEqual({ do: "use" });
    expect(decideStart({ ...facts, tokens: 2, site: undefined })).toEqual({ do: "use" });
  });

  it("refuses the state directory of another site", () => {
    const decision = decideStart({ ...facts, site: "east" });
    expect(decision).toMatchObject({ do: "fail", code: "request.invalid" });
  });

  it("uses the membership under a former name", () => {
    expect(decideStart({ ...facts, site: "old-west" })).toEqual({ do: "use" });
  });

  it("renews an expired certificate first", () => {
    expect(decideStart({ ...facts, now: 101_001 })).toEqual({ do: "renew" });
  });

  it("joins again with a token when its certificate is too old, and fails without one", () => {
    const now = 200_000 + RENEWABLE_MS;
    expect(decideStart({ ...facts, now, tokens: 1 })).toEqual({ do: "join" });
    const decision = decideStart({ ...facts, now });
    expect(decision).toMatchObject({ do: "fail", code: "certificate.too_old" });
    // The message names the end and the clock; the action the clock, the commands to fix it, and their network.
    const { message, action } = decision.do === "fail" ? decision : {};
    expect(message).toContain(new Date(validity.notAfter).toISOString());
    expect(message).toContain(new Date(now).toISOString());
    expect(action).toContain("If the clock of this machine is wrong, correct it");
    expect(action).toContain("`fairlead token create --network shop -o token.yaml`");
    expect(action).toContain("--token token.yaml");
  });

  it("asks for a token of an issuer that the site has a link to, so that no link is added", () => {
    const now = 200_000 + RENEWABLE_MS;
    const linkedTo = (...issuers: string[]) => {
      const member = { ...facts.member, links: issuers.map((issuer) => ({ issuer })) };
      const decision = decideStart({ ...facts, member, now });
      return decision.do === "fail" ? decision.action : "";
    };
    expect(linkedTo("public1", "public2")).toContain("--network shop --issuer public1 -o");
    for (const issuers of [[], ["public1", "network"]]) {
      expect(linkedTo(...issuers)).toContain("--network shop -o");
    }
  });
});
