import { describe, expect, it } from "vitest";
import { isClaim, isFairleadField } from "../../../../protocol/exchange/claims.ts";
import { trailersOf } from "../../../../protocol/exchange/fields.ts";

describe("a claim of an origin", () => {
  const claims = [
    ...[
      "forwarded",
      "x-forwarded-for",
      "x-forwarded-anything",
      "x-real-ip",
      "fairlead-site",
      "fairlead-site-id",
    ],
    ...["x_forwarded_for", "x-forwarded_proto", "x_real-ip", "fairlead_site", "fairlead_site-id"],
  ];

  it("is each field that names a site or a client, with dashes or underscores", () => {
    for (const name of claims) expect(isClaim(name), name).toBe(true);
    for (const name of ["x-forward", "x-real-ip-2", "x_for", "fairleadsite", "fairleads-x", "from", "via"]) {
      expect(isClaim(name), name).toBe(false);
    }
  });

  it("is of Fairlead where the name begins so", () => {
    expect(claims.filter(isFairleadField)).toEqual([
      ...["fairlead-site", "fairlead-site-id", "fairlead_site", "fairlead_site-id"],
    ]);
  });

  it("is no trailer", () => {
    const raw = claims.flatMap((name) => [name.toUpperCase(), "x"]);
    expect(trailersOf([...raw, "Grpc-Status", "0"])).toEqual(["grpc-status", "0"]);
  });
});
