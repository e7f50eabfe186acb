import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../../..");
const BIOME = resolve(ROOT, "node_modules/@biomejs/biome/bin/biome");

const FORBIDDEN = [
  ["protocol", "node:fs"],
  ["protocol", "cloudflare:workers"],
  ["protocol", "ws"],
  ["protocol", "../workers/env.ts"],
  ["protocol/streams", "../../connector/log.ts"],
  ["workers", "../connector/log.ts"],
  ["workers/registry", "../../connector/log.ts"],
  ["connector", "../workers/env.ts"],
  ["connector/uplink", "../../workers/env.ts"],
  ["connector", "../tests/support/process/cluster.ts"],
] as const;

const ALLOWED = [
  ["protocol", "zod"],
  ["protocol/streams", "../errors.ts"],
  ["workers", "../protocol/errors.ts"],
  ["connector", "../protocol/errors.ts"],
  ["connector", "node:fs"],
] as const;

/** Folders that git ignores, with forbidden imports. */
const IGNORED = [
  ["protocol/coverage", "node:fs"],
  ["protocol/.fairlead", "node:fs"],
  ["workers/dist", "../../connector/log.ts"],
] as const;

const probes = [...FORBIDDEN, ...ALLOWED, ...IGNORED].map(([folder, specifier], index) => ({
  file: `${folder}/probe${index}.ts`,
  folder,
  specifier,
}));

/** The files of a house with the same rules, each with one import, that the lint refuses. */
let refused: Set<string>;
const house = mkdtempSync(join(tmpdir(), "fl-house-"));

beforeAll(() => {
  for (const file of ["biome.json", ".gitignore"]) copyFileSync(join(ROOT, file), join(house, file));
  for (const { file, specifier } of probes) {
    mkdirSync(dirname(join(house, file)), { recursive: true });
    writeFileSync(join(house, file), `import ${JSON.stringify(specifier)};\n`);
  }
  const { stdout, stderr } = spawnSync(process.execPath, [BIOME, "lint", "--max-diagnostics=none"], {
    cwd: house,
    encoding: "utf8",
  });
  const found = `${stdout}${stderr}`.matchAll(/^(\S+\.ts):\d+:\d+ lint\/style\/noRestrictedImports/gm);
  refused = new Set([...found].map(([, file]) => file ?? ""));
});

afterAll(() => rmSync(house, { recursive: true, force: true }));

describe("the boundaries of the house", () => {
  const fileOf = (folder: string, specifier: string) =>
    probes.find((probe) => probe.folder === folder && probe.specifier === specifier)?.file;

  it.each(FORBIDDEN)("%s may not import %s", (folder, specifier) => {
    expect(refused).toContain(fileOf(folder, specifier));
  });

  it.each(ALLOWED)("%s may import %s", (folder, specifier) => {
    expect(refused).not.toContain(fileOf(folder, specifier));
  });

  it.each(IGNORED)("do not concern %s, which git ignores", (folder, specifier) => {
    expect(refused).not.toContain(fileOf(folder, specifier));
  });
});
