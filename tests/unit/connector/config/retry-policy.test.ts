import { describe, expect, it } from "vitest";
import { parseRetry, RetryPolicy, sameRetry } from "../../../../connector/config/retry-policy.ts";

describe("parseRetry", () => {
  it("reads the methods of a service, in any case and order", () => {
    expect(parseRetry("orders=PUT")).toEqual({ name: "orders", methods: ["PUT"] });
    expect(parseRetry("orders=delete,put")).toEqual({ name: "orders", methods: ["PUT", "DELETE"] });
    expect(parseRetry("orders=off")).toEqual({ name: "orders", methods: null });
  });

  it("refuses methods whose repetition may do harm, and other forms", () => {
    for (const text of [
      "orders=POST",
      "orders=PUT,PATCH",
      "orders=GET",
      "orders=",
      "orders",
      "Orders=PUT",
      "=PUT",
    ]) {
      expect(() => parseRetry(text), text).toThrow(expect.objectContaining({ code: "request.invalid" }));
    }
  });
});

describe("RetryPolicy", () => {
  it("permits nothing beside the safe methods unless a service names methods", () => {
    const policy = new RetryPolicy([parseRetry("orders=PUT"), parseRetry("reports=off")]);
    expect(policy.methods("web")).toEqual(new Set());
    expect(policy.methods("orders")).toEqual(new Set(["PUT"]));
    expect(policy.methods("reports")).toBeNull();
  });
});

describe("sameRetry", () => {
  it("compares what is permitted", () => {
    expect(sameRetry(parseRetry("a=PUT,DELETE"), parseRetry("a=DELETE,PUT"))).toBe(true);
    expect(sameRetry(parseRetry("a=off"), parseRetry("a=PUT"))).toBe(false);
  });
});
