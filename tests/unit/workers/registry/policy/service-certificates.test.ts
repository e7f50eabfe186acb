import { describe, expect, it } from "vitest";
import {
  certificateNames,
  mayHaveCertificate,
} from "../../../../../workers/registry/policy/service-certificates.ts";

describe("certificateNames", () => {
  it("are the bare name and the name in the network's domain", () => {
    expect(certificateNames("api", "shop")).toEqual(["api", "api.shop.internal"]);
    expect(certificateNames("api", "shop", "shop.corp.internal")).toEqual(["api", "api.shop.corp.internal"]);
  });

  it.each([
    ...["internal", "shop", "example.com", "shop.example.com", "bank.internal", "corp.shop.internal"],
    ...["shop.internal.", "shop..internal", "shop.-a.internal", "SHOP.internal", "shop.*.internal", ""],
    `shop.${"a".repeat(63)}.${"a".repeat(63)}.${"a".repeat(63)}.internal`,
  ])("are refused for the domain %j", (domain) => {
    expect(() => certificateNames("api", "shop", domain)).toThrow(
      expect.objectContaining({ code: "certificate.domain" }),
    );
  });
});

describe("mayHaveCertificate", () => {
  const offers = [
    { site: "east", isSeen: false },
    { site: "north", isSeen: true },
  ];
  it.each([
    ["a site that sees an offer", "west", offers, true],
    ["a site that offers the service", "east", offers.slice(0, 1), true],
    ["a site that sees no offer", "west", offers.slice(0, 1), false],
    ["any site without an offer", "west", [], false],
  ] as const)("answers for %s", (_who, site, seen, answer) => {
    expect(mayHaveCertificate(site, seen)).toBe(answer);
  });
});
