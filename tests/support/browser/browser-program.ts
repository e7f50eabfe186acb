/**
 * The Chromium that the tests drive: the one that FAIRLEAD_BROWSER names, Debian's where it is installed, or the one in
 * the npm package @sparticuz/chromium, which has a program for Linux on x86-64. The package's own unpacker leaves out
 * the libraries unless the machine is one of Amazon's, and unpacks into /tmp under fixed names, so it is not used.
 */
import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { createBrotliDecompress } from "node:zlib";
import { extract } from "tar-stream";
import * as z from "zod";
import { ROOT } from "../run/repository-files.ts";

/** Where Debian and its descendants install Chromium. Ubuntu's `chromium-browser` only starts a snap. */
const INSTALLED = "/usr/bin/chromium";
const PACKAGE = join(ROOT, "node_modules/@sparticuz/chromium");
const CACHE = join(ROOT, "node_modules/.cache/fairlead/browser");
/** How long a process waits for another that unpacks, ms. Then it unpacks as well, which harms neither. */
const PATIENCE = 60_000;

/** Settings of fontconfig: the fonts of a folder, and of the machine. The package's own name folders in /tmp. */
const fontSettings = (folder: string) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${folder}/fonts-cache</cachedir>
</fontconfig>
`;

/** A program and the variables that it needs. */
export interface BrowserProgram {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Finds or unpacks a Chromium. @throws Error when this machine has none and the package has none for it */
export async function browserProgram(
  named = process.env.FAIRLEAD_BROWSER,
  cache = CACHE,
): Promise<BrowserProgram> {
  if (named !== undefined && named !== "") return { path: named, env: {} };
  if (existsSync(INSTALLED)) return { path: INSTALLED, env: {} };
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      "There is no browser for the tests here. Set FAIRLEAD_BROWSER to the path of a Chromium or Chrome.",
    );
  }
  const folder = await unpacked(cache);
  return {
    path: join(folder, "chromium"),
    env: { LD_LIBRARY_PATH: join(folder, "lib"), FONTCONFIG_FILE: join(folder, "fonts.conf") },
  };
}

/** Returns the folder with what the package has, unpacked once for each version. */
async function unpacked(cache: string): Promise<string> {
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")));
  const folder = join(cache, version);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const claim = `${folder}.claim`;
  if (!(await claimed(claim)) && (await appears(folder, claim))) return folder;
  // Written beside its place and renamed: a process sees either nothing or everything.
  const draft = `${folder}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    await unpack(draft);
    await writeFile(join(draft, "fonts.conf"), fontSettings(folder));
    await rename(draft, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
    await rm(claim, { force: true });
  }
  return folder;
}

/** Takes the claim to unpack. Returns false when another process has it. */
async function claimed(claim: string): Promise<boolean> {
  try {
    await writeFile(claim, "", { flag: "wx" });
    return true;
  } catch {
    return false;
  }
}

/** Waits until another process has unpacked. Returns false when that process gave up, or takes too long. */
async function appears(folder: string, claim: string): Promise<boolean> {
  while (!existsSync(folder)) {
    const made = await stat(claim).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    if (Date.now() - made > PATIENCE) return existsSync(folder);
    await pause(100);
  }
  return true;
}

/** Unpacks the program, its libraries, its software renderer and fonts into a new folder. */
async function unpack(folder: string): Promise<void> {
  await mkdir(folder);
  await Promise.all([
    pipeline(
      createReadStream(join(PACKAGE, "bin/chromium.br")),
      createBrotliDecompress({ chunkSize: 1 << 20 }),
      createWriteStream(join(folder, "chromium")),
    ),
    ...["al2023", "swiftshader", "fonts"].map((name) => unpackArchive(`${name}.tar.br`, folder)),
  ]);
  await chmod(join(folder, "chromium"), 0o755);
}

/** Unpacks the regular files of one of the package's archives. */
async function unpackArchive(name: string, folder: string): Promise<void> {
  const archive = extract();
  const reading = pipeline(createReadStream(join(PACKAGE, "bin", name)), createBrotliDecompress(), archive);
  for await (const entry of archive) {
    if (entry.header.type !== "file") {
      entry.resume();
      continue;
    }
    const path = join(folder, entry.header.name);
    await mkdir(dirname(path), { recursive: true });
    await pipeline(entry, createWriteStream(path, { mode: entry.header.mode ?? 0o644 }));
  }
  await reading;
}
