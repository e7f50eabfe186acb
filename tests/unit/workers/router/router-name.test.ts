import { describe, expect, it } from "vitest";
import { routerName } from "../../../../workers/router/router-name.ts";

describe("routerName", () => {
  it("is the same for both orders of a pair of sites", () => {
    expect(routerName("n", "s2", "s1")).toBe(routerName("n", "s1", "s2"));
  });
});
