import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  changelogEntry,
  Packed,
  packedProblems,
  parseReleaseOptions,
  problemsOf,
  type ReleaseState,
  stepsOf,
} from "../../../scripts/release-checks.ts";

const ROOT = join(import.meta.dirname, "../../..");
const DRY = { dryRun: true, publish: false };
const REAL = { dryRun: false, publish: false };

describe("parseReleaseOptions", () => {
  it("neither publishes nor runs dry unless asked to", () => {
    expect(parseReleaseOptions([])).toEqual(REAL);
    expect(parseReleaseOptions(["--dry-run"])).toEqual(DRY);
    expect(parseReleaseOptions(["--publish"])).toEqual({ dryRun: false, publish: true });
  });

  it("refuses an unknown option, and a dry run that should publish", () => {
    expect(() => parseReleaseOptions(["--dryrun"])).toThrow("--dryrun");
    expect(() => parseReleaseOptions(["--dry-run", "--publish"])).toThrow("publishes nothing");
  });
});

describe("stepsOf", () => {
  it("ends a dry run before the tag", () => {
    expect(stepsOf(DRY)).toEqual(["check", "build", "pack", "install"]);
  });

  it("publishes only when asked to, as the last step", () => {
    expect(stepsOf(REAL)).toEqual(["check", "build", "pack", "install", "tag"]);
    expect(stepsOf({ ...REAL, publish: true }).at(-1)).toBe("publish");
  });
});

const CHANGELOG = `# Changelog

## [0.2.0] - unreleased

### Added

- Pumps.

## [0.1.0] - 2026-11-30

- First.

## [0.0.9] - 2026-11-29
`;

describe("changelogEntry", () => {
  it("has the date and text of a version's section", () => {
    expect(changelogEntry(CHANGELOG, "0.1.0")).toEqual({ date: "2026-11-30", text: "- First." });
    expect(changelogEntry(CHANGELOG, "0.2.0")).toEqual({ date: null, text: "### Added\n\n- Pumps." });
    expect(changelogEntry(CHANGELOG, "0.3.0")).toBeNull();
    expect(changelogEntry(CHANGELOG, "0.1")).toBeNull();
  });
});

describe("problemsOf", () => {
  const state = (changes: Partial<ReleaseState> = {}): ReleaseState => ({
    changes: "",
    tags: ["v0.0.9"],
    version: "0.1.0",
    lockedVersion: "0.1.0",
    changelog: CHANGELOG,
    ...changes,
  });

  it("finds nothing when the tree is clean and the version has a dated entry and no tag", () => {
    expect(problemsOf(state(), REAL)).toEqual([]);
  });

  it.each([
    [{ changes: " M README.md\n" }, "not committed"],
    [{ version: "v1", lockedVersion: "v1" }, "not a semantic version"],
    [{ lockedVersion: "0.0.9" }, "package-lock.json has the version 0.0.9"],
    [{ tags: ["v0.1.0"] }, "v0.1.0 exists already"],
    [{ version: "0.3.0", lockedVersion: "0.3.0" }, 'no section "## [0.3.0] - DATE"'],
    [{ version: "0.0.9", lockedVersion: "0.0.9", tags: [] }, "0.0.9 in CHANGELOG.md is empty"],
    [{ changelog: "## [0.1.0] - soon\n\n- First.\n" }, 'replace "soon"'],
  ])("reports %j", (changes, reason) => {
    const problems = problemsOf(state(changes), DRY);
    expect(problems.join("\n")).toContain(reason);
  });

  it("accepts an unreleased entry in a dry run only", () => {
    const next = state({ version: "0.2.0", lockedVersion: "0.2.0" });
    expect(problemsOf(next, DRY)).toEqual([]);
    expect(problemsOf(next, REAL)).toEqual([
      'The section of 0.2.0 in CHANGELOG.md has no date: replace "unreleased".',
    ]);
  });

  it("finds an entry for this repository's version in its changelog", async () => {
    const read = (file: string) => readFile(join(ROOT, file), "utf8");
    const versionOf = (text: string) => z.object({ version: z.string() }).parse(JSON.parse(text)).version;
    const version = versionOf(await read("package.json"));
    const lockedVersion = versionOf(await read("package-lock.json"));
    const changelog = await read("CHANGELOG.md");
    expect(problemsOf(state({ version, lockedVersion, changelog, tags: [] }), DRY)).toEqual([]);
  });
});

describe("packedProblems", () => {
  const files = [
    ...["package.json", "LICENSE", "README.md", "CHANGELOG.md", "wrangler.toml", "bin/fairlead.js"],
    ...["dist/cli/main.js", "dist/console/index.html", "dist/console/manifest.json"],
    ...["dist/edge/index.js", "dist/edge/edge.json", "docs/cli.md", "docs/errors.md"],
    "connector/kubernetes/chart/Chart.yaml",
  ];

  it("finds nothing in a tarball with what a user needs", () => {
    expect(packedProblems([...files, "dist/cli/chunk-1.js", "docs/protocol.md"])).toEqual([]);
  });

  it("reports a file that is missing, foreign or looks like a secret", () => {
    expect(packedProblems(files.slice(1))).toEqual(["The tarball lacks package.json."]);
    expect(packedProblems([...files, "connector/log.ts"])).toEqual([
      "The tarball should not have connector/log.ts.",
    ]);
    expect(packedProblems([...files, "docs/ca-key.pem"])).toEqual([
      "The tarball has docs/ca-key.pem, which may be a secret.",
    ]);
  });
});

describe("Packed", () => {
  it("reads what npm says of one tarball", () => {
    const tarball = {
      filename: "fairlead-0.1.0.tgz",
      size: 1,
      unpackedSize: 2,
      files: [{ path: "LICENSE", size: 2 }],
    };
    expect(Packed.parse([{ ...tarball, shasum: "0" }])).toEqual(tarball);
    expect(Packed.safeParse([]).success).toBe(false);
  });
});
