/**
 * `npm run build`: builds the Worker into dist/edge, the command into dist/cli and the console into dist/console. With
 * `--if-changed`, as npm runs it after `npm ci` and before `npm pack`, it builds only if a source changed since, or if the
 * build is damaged.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";

const ROOT = resolve(import.meta.dirname, "..");

/** Everything that a build reads. */
const SOURCES = [
  "protocol",
  "workers",
  "connector",
  "scripts",
  "package.json",
  "package-lock.json",
  "wrangler.toml",
];

const SCRIPTS = ["connector/edge/workerd/build.ts", "scripts/build-cli.ts", "scripts/build-console.ts"];
const BUILT = ["dist/cli", "dist/console", "dist/edge"];

/** The hash of the sources that dist was built from, and the hash of what was built. */
const STAMP = join(ROOT, "dist", ".sources");

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, path), { recursive: true, withFileTypes: true });
  return entries.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
}

/** The hash of files, and of all files below directories. */
async function hashOf(paths: readonly string[]): Promise<string> {
  const files = await Promise.all(
    paths.map((path) => (path.includes(".") ? [join(ROOT, path)] : filesBelow(path))),
  );
  const hash = createHash("sha256");
  for (const file of files.flat().sort()) hash.update(`${file}\0`).update(await readFile(file));
  return hash.digest("hex");
}

const stampOf = (sources: string, built: string) => `${sources}\n${built}\n`;

/** Runs a build; what it prints is shown when it fails. */
async function run(script: string): Promise<boolean> {
  const child = spawn(process.execPath, [join(ROOT, script)], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((done, fail) => {
    child.once("error", fail);
    child.once("close", done);
  });
  const [status, ...printed] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (status !== 0) process.stderr.write(`${script} ended with status ${status}.\n${printed.join("")}`);
  return status === 0;
}

const sources = await hashOf(SOURCES);
const stamp = await readFile(STAMP, "utf8").catch(() => "");
const isFresh = stamp === stampOf(sources, await hashOf(BUILT).catch(() => ""));
if (!(isFresh && process.argv.includes("--if-changed"))) {
  console.log("Building dist/edge, dist/cli and dist/console, which takes some seconds.");
  const results = await Promise.all(SCRIPTS.map(run));
  if (results.every((done) => done)) {
    await writeFile(STAMP, stampOf(sources, await hashOf(BUILT)));
    console.log("Built dist/edge, dist/cli and dist/console.");
  } else process.exitCode = 1;
}
