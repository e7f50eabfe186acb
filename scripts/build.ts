/**
 * `npm run build`: builds the Worker into dist/edge and the command into dist/cli. With `--if-changed`, as npm does
 * after an installation and before the first `npx fairlead`, it builds only what is missing or older than its source.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
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

const SCRIPTS = ["connector/edge/workerd/build.ts", "scripts/build-cli.ts"];
const BUILT = ["dist/cli/main.js", "dist/edge/index.js", "dist/edge/edge.json"];

/** The hash of the sources that dist was built from. */
const STAMP = join(ROOT, "dist", ".sources");

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, path), { recursive: true, withFileTypes: true });
  return entries.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
}

async function hashOfSources(): Promise<string> {
  const files = await Promise.all(
    SOURCES.map((path) => (path.includes(".") ? [join(ROOT, path)] : filesBelow(path))),
  );
  const hash = createHash("sha256");
  for (const file of files.flat().sort()) hash.update(`${file}\0`).update(await readFile(file));
  return hash.digest("hex");
}

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

const wanted = await hashOfSources();
const built = await readFile(STAMP, "utf8").catch(() => null);
const fresh = built === wanted && BUILT.every((file) => existsSync(join(ROOT, file)));
if (!(fresh && process.argv.includes("--if-changed"))) {
  const results = await Promise.all(SCRIPTS.map(run));
  if (results.every((done) => done)) {
    await mkdir(join(ROOT, "dist"), { recursive: true });
    await writeFile(STAMP, wanted);
    console.log("Built dist/edge and dist/cli.");
  } else process.exitCode = 1;
}
