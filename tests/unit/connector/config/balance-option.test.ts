import { describe, expect, it } from "vitest";
import { parseBalance } from "../../../../connector/config/balance-option.ts";

const invalid = expect.objectContaining({ code: "request.invalid" });

describe("--balance", () => {
  it("takes a mode, with the rank or the weight that belongs to it", () => {
    expect(parseBalance("api=cost")).toEqual({ name: "api", mode: "cost" });
    expect(parseBalance("db=priority")).toEqual({ name: "db", mode: "priority" });
    expect(parseBalance("db=priority:1")).toEqual({ name: "db", mode: "priority", rank: 1 });
    expect(parseBalance("web=weighted:50")).toEqual({ name: "web", mode: "weighted", weight: 50 });
    expect(parseBalance("web=weighted:0").weight).toBe(0);
  });

  it("refuses every other form with request.invalid", () => {
    const wrong = [
      "",
      "api",
      "api=",
      "api=random",
      "Api=cost",
      "api=cost:1",
      "api=priority:",
      "api=priority:x",
    ];
    wrong.push("api=weighted:1001", "api=weighted:-1", "api=weighted:1:2", "api=priority:10001");
    for (const text of wrong) expect(() => parseBalance(text), text).toThrow(invalid);
  });
});
