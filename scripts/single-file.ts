/**
 * `npm run single-file [FILE]`: builds the command as one executable for hosts without npm, by default
 * dist/single/fairlead. It is this Node with the bundled command inside (Node's single executable applications), for
 * the system and processor on which it is built. It runs connectors and every command, but no edge.
 */
import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import * as z from "zod";
import { bundledPackages, noticesOf, targetOf } from "./bundled-packages.ts";

const ROOT = resolve(import.meta.dirname, "..");
const run = promisify(execFile);

/** The mark in Node's binary that says whether it contains a program. */
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/** A file of a package is sought beside the executable. */
const PLACE = `const executablePlace = require("node:path").dirname(process.execPath);
const executableUrl = require("node:url").pathToFileURL(process.execPath).href;`;

const Manifest = z.object({ version: z.string(), engines: z.object({ node: z.string() }) });

const manifest = Manifest.parse(JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")));
const target = resolve(process.argv[2] ?? join(ROOT, "dist", "single", "fairlead"));
await mkdir(dirname(target), { recursive: true });
const work = await mkdtemp(join(tmpdir(), "fairlead-single-"));
const draft = `${target}.${process.pid}`;
try {
  const main = join(work, "main.cjs");
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["connector/cli/main.ts"],
    outfile: main,
    bundle: true,
    format: "cjs",
    platform: "node",
    target: targetOf(manifest.engines.node),
    external: ["workerd", "bufferutil", "utf-8-validate"],
    define: {
      "import.meta.dirname": "executablePlace",
      "import.meta.url": "executableUrl",
      FAIRLEAD_VERSION: JSON.stringify(manifest.version),
    },
    banner: { js: PLACE },
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  const blob = join(work, "main.blob");
  const options = { main, output: blob, disableExperimentalSEAWarning: true, useCodeCache: true };
  await writeFile(join(work, "sea.json"), JSON.stringify(options));
  await run(process.execPath, ["--experimental-sea-config", join(work, "sea.json")]);
  await copyFile(process.execPath, draft);
  await chmod(draft, 0o755);
  // Node's symbols are 18 MB. Without binutils they stay.
  await run("strip", [draft]).catch(() => {});
  const postject = createRequire(import.meta.url).resolve("postject/dist/cli.js");
  await run(process.execPath, [postject, draft, "NODE_SEA_BLOB", blob, "--sentinel-fuse", FUSE]);
  await rename(draft, target);
  await writeFile(
    join(dirname(target), "NOTICES.txt"),
    await noticesOf(ROOT, bundledPackages(Object.keys(metafile.inputs))),
  );
  const { size } = await stat(target);
  console.log(`Built ${target}: ${Math.round(size / 1e6)} MB, with Node ${process.versions.node}.`);
} finally {
  await rm(draft, { force: true });
  await rm(work, { recursive: true, force: true });
}
