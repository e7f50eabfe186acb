/**
 * The manifest of the built console, dist/console/manifest.json, which scripts/console-manifest.ts writes. It decides
 * what exists: neither the folder of an embedded edge nor static assets are asked for anything else.
 */
import * as z from "zod";

/** Name of the manifest, beside the files. It is not served. */
export const MANIFEST_FILE = "manifest.json";
/** The page, which every address of the console's application gets. */
export const PAGE_FILE = "index.html";

/** A content coding of a file. */
export const Encoding = z.enum(["br", "gzip"]);
export type Encoding = z.infer<typeof Encoding>;

/** A path below the folder, without dots that lead out of it. */
const Path = z.string().regex(/^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/);

export const ConsoleFile = z.object({
  /** The content type. */
  type: z.string(),
  /** Length without content coding. */
  bytes: z.int().min(0),
  /** SHA-256 of the content, hexadecimal. */
  hash: z.string().regex(/^[0-9a-f]{16,64}$/),
  /** Whether the name has a hash, so that a client may keep the file for good. */
  immutable: z.boolean(),
  /** The paths of compressed variants. */
  encodings: z.partialRecord(Encoding, Path),
});
export type ConsoleFile = z.infer<typeof ConsoleFile>;

/** The files by their path below `/console/`. */
export const ConsoleManifest = z.object({ files: z.record(Path, ConsoleFile) });
export type ConsoleManifest = z.infer<typeof ConsoleManifest>;
