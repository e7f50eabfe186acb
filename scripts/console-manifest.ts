/** The manifest of the built console: which files there are, and how they are served. */
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
  ".json": "application/json",
};

/** Types whose files are compressed already. */
const COMPRESSED = new Set([".png", ".woff2"]);

/** Files with a hash in their name, which never change. */
const HASHED = /^assets\/.+-[\w-]{8}\.\w+$/;

/** A file of the console. */
export interface ConsoleFile {
  /** The content type. */
  readonly type: string;
  readonly bytes: number;
  /** SHA-256, hexadecimal. */
  readonly hash: string;
  /** Whether the name has a hash, so that a client may keep the file for good. */
  readonly immutable: boolean;
  /** The names of compressed variants, by content coding. */
  readonly encodings: Readonly<Partial<Record<"br" | "gzip", string>>>;
}

/** The manifest: files by their path below `/console/`. */
export interface ConsoleManifest {
  readonly files: Readonly<Record<string, ConsoleFile>>;
}

const compressBr = promisify(brotliCompress);
const compressGzip = promisify(gzip);

/**
 * Writes compressed variants of the files in a folder, and `manifest.json`.
 *
 * @throws Error for a file of a type that is unknown
 */
export async function writeConsoleManifest(folder: string): Promise<ConsoleManifest> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
  const files = await Promise.all(names.map(async (name) => [name, await describe(folder, name)] as const));
  const manifest: ConsoleManifest = { files: Object.fromEntries(files) };
  await writeFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

async function describe(folder: string, name: string): Promise<ConsoleFile> {
  const extension = extname(name);
  const type = TYPES[extension];
  if (type === undefined) throw new Error(`The console has ${name}, whose content type is unknown.`);
  const content = await readFile(join(folder, name));
  const encodings: Partial<Record<"br" | "gzip", string>> = {};
  if (!COMPRESSED.has(extension) && content.length > 256) {
    // 11 takes three times the CPU, for 2 % less.
    const params = { [constants.BROTLI_PARAM_QUALITY]: 10 };
    await writeFile(join(folder, `${name}.br`), await compressBr(content, { params }));
    await writeFile(join(folder, `${name}.gz`), await compressGzip(content, { level: 9 }));
    encodings.br = `${name}.br`;
    encodings.gzip = `${name}.gz`;
  }
  const hash = createHash("sha256").update(content).digest("hex");
  return { type, bytes: content.length, hash, immutable: HASHED.test(name), encodings };
}
