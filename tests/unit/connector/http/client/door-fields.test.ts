import { describe, expect, it } from "vitest";
import { withDoor } from "../../../../../connector/http/client/forwarded-fields.ts";
import type { RequestHead } from "../../../../../protocol/exchange/head.ts";

const head = (...fields: string[]): RequestHead => ({
  method: "GET",
  scheme: "https",
  authority: "shop.example.com",
  path: "/",
  fields,
});
const hostname = "shop.example.com";

describe("the head of a request from a door", () => {
  it("names the door and the caller, and no site", () => {
    const { fields } = withDoor(
      head("accept", "*/*", "fairlead-site", "west", "fairlead-caller", "key app", "fairlead-door", "other"),
      { hostname, access: "key" },
    );
    expect(fields).toEqual(["accept", "*/*", "fairlead-door", hostname, "fairlead-caller", "key app"]);
  });

  it.each([
    ["key", "anyone"],
    ["key", "oidc anna"],
    ["oidc", "key app"],
    ["key", ""],
  ] as const)("is refused where the connector lets in %s and the edge let in %j", (access, caller) => {
    expect(() => withDoor(head("fairlead-caller", caller), { hostname, access })).toThrow(
      "is for callers with access",
    );
  });

  it("has any caller where everybody may come in", () => {
    expect(withDoor(head("fairlead-caller", "anyone"), { hostname, access: "open" }).fields).toContain(
      "anyone",
    );
  });

  it("is refused when the request goes in circles through doors", () => {
    const via = Array.from({ length: 9 }, () => "1.1 fairlead-door").join(", ");
    expect(() => withDoor(head("via", via), { hostname, access: "open" })).toThrow("has passed through");
  });
});
