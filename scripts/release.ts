/**
 * `npm run release`: checks the repository, builds and packs the commit, installs the tarball elsewhere, and tags the
 * version. `--dry-run` stops before the tag. Only `--publish` sends anything to a registry.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import * as z from "zod";
import {
  changelogEntry,
  Packed,
  packedProblems,
  parseReleaseOptions,
  problemsOf,
  type ReleaseOptions,
  type ReleaseState,
  type ReleaseStep,
  stepsOf,
  tagOf,
} from "./release-checks.ts";

const ROOT = resolve(import.meta.dirname, "..");
const Versioned = z.object({ version: z.string() });

const run = promisify(execFile);

/** Runs a program until it exits. Returns its output. @throws Error when its status is not 0 */
async function output(command: string, args: readonly string[], cwd = ROOT): Promise<string> {
  const { stdout } = await run(command, [...args], { cwd, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** Runs a program with its output on this terminal. @throws Error when its status is not 0 */
async function show(command: string, args: readonly string[], cwd = ROOT): Promise<void> {
  const child = spawn(command, [...args], { cwd, stdio: "inherit" });
  const [status] = await once(child, "exit");
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with status ${status}.`);
}

async function readState(): Promise<ReleaseState> {
  const versionOf = async (file: string) =>
    Versioned.parse(JSON.parse(await readFile(join(ROOT, file), "utf8"))).version;
  return {
    changes: await output("git", ["status", "--porcelain"]),
    tags: (await output("git", ["tag", "--list"])).split("\n"),
    version: await versionOf("package.json"),
    lockedVersion: await versionOf("package-lock.json"),
    changelog: await readFile(join(ROOT, "CHANGELOG.md"), "utf8"),
  };
}

/** A release, in a directory that is removed at its end. */
class Release {
  readonly #state: ReleaseState;
  readonly #options: ReleaseOptions;
  readonly #directory: string;
  readonly #problems: string[] = [];
  #tarball = "";

  constructor(state: ReleaseState, options: ReleaseOptions, directory: string) {
    this.#state = state;
    this.#options = options;
    this.#directory = directory;
  }

  /** Problems so far, as sentences. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  async step(step: ReleaseStep): Promise<void> {
    console.log(`\n== ${step}`);
    const problems = await this[step]();
    for (const problem of problems) console.log(problem);
    this.#problems.push(...problems);
  }

  /** Runs every step. A release stops at the first problem, and a dry run continues. */
  get stopped(): boolean {
    return this.#problems.length > 0 && !this.#options.dryRun;
  }

  async check(): Promise<readonly string[]> {
    console.log(`fairlead ${this.#state.version}, at ${(await output("git", ["rev-parse", "HEAD"])).trim()}`);
    return problemsOf(this.#state, this.#options);
  }

  /** Builds the commit, without changes of the working tree and earlier builds. */
  async build(): Promise<readonly string[]> {
    await mkdir(this.#checkout);
    const archive = join(this.#directory, "source.tar");
    await output("git", ["archive", "--format=tar", `--output=${archive}`, "HEAD"]);
    await output("tar", ["-xf", archive, "-C", this.#checkout]);
    await symlink(join(ROOT, "node_modules"), join(this.#checkout, "node_modules"));
    await show("npm", ["run", "build"], this.#checkout);
    return [];
  }

  async pack(): Promise<readonly string[]> {
    const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", this.#directory];
    const packed = Packed.parse(JSON.parse(await output("npm", args, this.#checkout)));
    if (packed === undefined) return ["npm packed nothing."];
    this.#tarball = join(this.#directory, packed.filename);
    for (const { path, size } of packed.files) console.log(`${String(size).padStart(9)}  ${path}`);
    console.log(`${packed.filename}: ${packed.size} bytes, ${packed.unpackedSize} unpacked`);
    return packedProblems(packed.files.map(({ path }) => path));
  }

  /** Installs the tarball as a user does, and runs the command. */
  async install(): Promise<readonly string[]> {
    const place = join(this.#directory, "installed");
    await mkdir(place);
    await writeFile(join(place, "package.json"), '{ "private": true }\n');
    await show("npm", ["install", "--no-audit", "--no-fund", this.#tarball], place);
    const printed = (await output(join(place, "node_modules/.bin/fairlead"), ["--version"], place)).trim();
    console.log(`fairlead --version: ${printed}`);
    const { version } = this.#state;
    return printed === version ? [] : [`The installed command prints ${printed}, not ${version}.`];
  }

  async tag(): Promise<readonly string[]> {
    const { version, changelog } = this.#state;
    const message = `Fairlead ${version}\n\n${changelogEntry(changelog, version)?.text ?? ""}\n`;
    await output("git", ["tag", "--annotate", "--cleanup=verbatim", "--message", message, tagOf(version)]);
    console.log(`Tagged ${tagOf(version)}. Push it with: git push origin ${tagOf(version)}`);
    return [];
  }

  async publish(): Promise<readonly string[]> {
    await show("npm", ["publish", this.#tarball]);
    return [];
  }

  get #checkout(): string {
    return join(this.#directory, "source");
  }
}

const options = parseReleaseOptions(process.argv.slice(2));
const directory = await mkdtemp(join(tmpdir(), "fairlead-release-"));
try {
  const release = new Release(await readState(), options, directory);
  for (const step of stepsOf(options)) if (!release.stopped) await release.step(step);
  const count = release.problems.length;
  if (count > 0) {
    console.log(`\nNot ready to be released:\n${release.problems.map((each) => `- ${each}`).join("\n")}`);
    process.exitCode = 1;
  } else {
    console.log(options.dryRun ? "\nReady to be released. Nothing was tagged or published." : "\nReleased.");
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
