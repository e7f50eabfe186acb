import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SECONDS } from "../../../support/run/longest-first.ts";
import { ROOT } from "../../../support/run/repository-files.ts";

describe("The entries of LongestFirst", () => {
  it("name test files that exist", () => {
    const missing = Object.keys(SECONDS).filter(
      (name) => !existsSync(join(ROOT, "tests", `${name}.test.ts`)),
    );
    expect(missing).toEqual([]);
  });
});
