import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundledPackages, noticesOf, targetOf } from "../../../scripts/bundled-packages.ts";

describe("targetOf", () => {
  it("is the least version of engines, for esbuild", () => {
    expect(targetOf(">=22.19.0")).toBe("node22.19");
    expect(() => targetOf("*")).toThrow("not a version");
  });
});

describe("bundledPackages", () => {
  it("names the innermost package of each input once, scopes included", () => {
    expect(
      bundledPackages([
        "connector/cli/main.ts",
        "node_modules/ws/lib/sender.js",
        "node_modules/ws/index.js",
        "node_modules/@peculiar/x509/build/index.js",
        "node_modules/pino/node_modules/sonic-boom/index.js",
      ]),
    ).toEqual([
      "node_modules/@peculiar/x509",
      "node_modules/pino/node_modules/sonic-boom",
      "node_modules/ws",
    ]);
  });
});

describe("noticesOf", () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "fl-notices-"));
    await mkdir(join(root, "node_modules/each"), { recursive: true });
    await writeFile(
      join(root, "node_modules/each/package.json"),
      '{ "name": "each", "version": "1.2.3", "license": "MIT" }',
    );
    await writeFile(join(root, "node_modules/each/LICENSE.md"), "Permission is granted.\n");
  });
  afterAll(() => rm(root, { recursive: true }));

  it("has the name, the version and the text of each licence", async () => {
    const notices = await noticesOf(root, ["node_modules/each"]);
    expect(notices).toContain("each 1.2.3, MIT\n\nPermission is granted.\n");
  });
});
