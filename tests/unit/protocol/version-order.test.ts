import { describe, expect, it } from "vitest";
import { isOlder, newestOf } from "../../../protocol/version-order.ts";

/** From the oldest to the newest; the pre-releases are those of semver.org, section 11. */
const ASCENDING = [
  ...["0.1.0", "0.1.1", "0.2.0", "0.9.2", "0.10.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta"],
  ...["1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "10.0.0"],
];

describe("The order of versions", () => {
  it("is that of Semantic Versioning", () => {
    for (const [left, older] of ASCENDING.entries())
      for (const [right, newer] of ASCENDING.entries())
        expect(isOlder(older, newer), `${older} < ${newer}`).toBe(left < right);
    expect(newestOf(ASCENDING)).toBe("10.0.0");
    expect(newestOf([...ASCENDING].reverse())).toBe("10.0.0");
  });

  it("leaves out builds, and texts that are no version", () => {
    expect(isOlder("1.0.0+5", "1.0.0+9")).toBe(false);
    for (const text of ["unknown", "", "other/1.0", "1.0"]) {
      expect([isOlder(text, "1.0.0"), isOlder("1.0.0", text)]).toEqual([false, false]);
      expect(newestOf([text, "0.1.0"])).toBe("0.1.0");
      expect(newestOf([text])).toBe("");
    }
  });
});
