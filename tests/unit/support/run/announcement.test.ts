import { describe, expect, it } from "vitest";
import { expectedMinutes } from "../../../support/run/announcement.ts";

describe("the announcement of how long the tests take", () => {
  it("is the reference on the machine that it was measured on, at rest", () => {
    expect(expectedMinutes(2, 0)).toBe(11);
  });

  it("grows with the load, and shrinks with cores up to a point", () => {
    expect(expectedMinutes(2, 8)).toBe(3 * expectedMinutes(2, 0));
    expect(expectedMinutes(1, 0)).toBeGreaterThan(expectedMinutes(2, 0));
    expect(expectedMinutes(64, 0)).toBe(expectedMinutes(4, 0));
  });
});
