/** The checks of a release, without effects: options, steps and problems. */
import { parseArgs } from "node:util";
import * as z from "zod";

/** Options of `npm run release`. */
export interface ReleaseOptions {
  /** Whether to check and build everything, and change nothing in the repository. */
  readonly dryRun: boolean;
  /** Whether to publish the tarball to the npm registry. */
  readonly publish: boolean;
}

/** Parses the command line. @throws Error for an unknown option, or for --dry-run with --publish */
export function parseReleaseOptions(args: readonly string[]): ReleaseOptions {
  const { values } = parseArgs({
    args: [...args],
    options: { "dry-run": { type: "boolean" }, publish: { type: "boolean" } },
  });
  const options = { dryRun: values["dry-run"] ?? false, publish: values.publish ?? false };
  if (options.dryRun && options.publish) throw new Error("--dry-run publishes nothing: give one of the two.");
  return options;
}

export type ReleaseStep = "check" | "build" | "pack" | "install" | "tag" | "publish";

/** Returns the steps of a release, in order. The step `publish` needs the option. */
export function stepsOf({ dryRun, publish }: ReleaseOptions): readonly ReleaseStep[] {
  const steps: ReleaseStep[] = ["check", "build", "pack", "install"];
  if (!dryRun) steps.push("tag");
  if (!dryRun && publish) steps.push("publish");
  return steps;
}

/** A version: numbers without leading zeros, and a pre-release such as -rc.1. */
const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9a-z]+(\.[0-9a-z]+)*)?$/;

/** A version's section in CHANGELOG.md. */
export interface ChangelogEntry {
  /** Null while the version is unreleased. */
  readonly date: string | null;
  readonly text: string;
}

/** Finds the section of a version in the changelog. Returns null when there is none. */
export function changelogEntry(changelog: string, version: string): ChangelogEntry | null {
  const section = changelog.split(/^## /m).find((each) => each.startsWith(`[${version}] - `));
  if (section === undefined) return null;
  const [heading = "", ...lines] = section.split("\n");
  const date = heading.slice(`[${version}] - `.length).trim();
  return { date: date === "unreleased" ? null : date, text: lines.join("\n").trim() };
}

/** State of the repository that a release depends on. */
export interface ReleaseState {
  /** The output of `git status --porcelain`. */
  readonly changes: string;
  readonly tags: readonly string[];
  /** The version in package.json, and the one in package-lock.json. */
  readonly version: string;
  readonly lockedVersion: string;
  readonly changelog: string;
}

/** Returns the tag of a version. */
export const tagOf = (version: string) => `v${version}`;

/** Finds problems, as sentences. Only a dry run accepts an unreleased entry. */
export function problemsOf(state: ReleaseState, { dryRun }: ReleaseOptions): string[] {
  const { version } = state;
  const entry = changelogEntry(state.changelog, version);
  const problems: string[] = [];
  if (state.changes.trim() !== "") problems.push("The working tree has changes that are not committed.");
  if (!VERSION.test(version)) problems.push(`The version ${version} is not a semantic version.`);
  if (state.lockedVersion !== version)
    problems.push(`package-lock.json has the version ${state.lockedVersion}, and package.json ${version}.`);
  if (state.tags.includes(tagOf(version))) problems.push(`The tag ${tagOf(version)} exists already.`);
  if (entry === null) problems.push(`CHANGELOG.md has no section "## [${version}] - DATE".`);
  else if (entry.text === "") problems.push(`The section of ${version} in CHANGELOG.md is empty.`);
  else if (entry.date === null ? !dryRun : !/^\d{4}-\d{2}-\d{2}$/.test(entry.date))
    problems.push(
      `The section of ${version} in CHANGELOG.md has no date: replace "${entry.date ?? "unreleased"}".`,
    );
  return problems;
}

/** Output of `npm pack --json` for a tarball. */
export const Packed = z
  .array(
    z.object({
      filename: z.string(),
      size: z.number(),
      unpackedSize: z.number(),
      files: z.array(z.object({ path: z.string(), size: z.number() })),
    }),
  )
  .length(1)
  .transform(([tarball]) => tarball);

/** Files that an installed package or its licence needs. */
const REQUIRED = [
  "package.json",
  "LICENSE",
  "README.md",
  "CHANGELOG.md",
  "wrangler.toml",
  "bin/fairlead.js",
  "dist/cli/main.js",
  "dist/edge/index.js",
  "dist/edge/edge.json",
  "dist/console/index.html",
  "dist/console/manifest.json",
  "connector/kubernetes/chart/Chart.yaml",
  "docs/cli.md",
  "docs/errors.md",
];

/** Files that may be in the tarball. */
const ALLOWED =
  /^(dist\/(cli|edge|console)\/|connector\/kubernetes\/chart\/|docs\/|(bin\/fairlead\.js|package\.json|LICENSE|README\.md|CHANGELOG\.md|wrangler\.toml)$)/;

/** Names that look like secrets. */
const SECRET = /(^|\/)(\.env|\.npmrc|.*\.(pem|key|backup)|admin-key|token\.yaml)$/;

/** Finds problems of the files in the tarball, as sentences. */
export function packedProblems(paths: readonly string[]): string[] {
  return [
    ...REQUIRED.filter((path) => !paths.includes(path)).map((path) => `The tarball lacks ${path}.`),
    ...paths.filter((path) => !ALLOWED.test(path)).map((path) => `The tarball should not have ${path}.`),
    ...paths
      .filter((path) => SECRET.test(path))
      .map((path) => `The tarball has ${path}, which may be a secret.`),
  ];
}
