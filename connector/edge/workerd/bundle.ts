/**
 * The built Worker: `dist/edge/` with `index.js`, and `edge.json` with the settings of wrangler.toml. The
 * package contains it; a source checkout builds it when it is missing.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import { FairleadError } from "../../../protocol/errors.ts";

export const MODULE_FILE = "index.js";
export const METADATA_FILE = "edge.json";
/** The manifest of the console's folder, which the Worker reads (workers/console/manifest.ts). */
export const ASSETS_MANIFEST = "manifest.json";

/** The settings of wrangler.toml that workerd needs. */
export const BundleMetadata = z.object({
  compatibilityDate: z.iso.date(),
  compatibilityFlags: z.array(z.string()),
});
export type BundleMetadata = z.infer<typeof BundleMetadata>;

export interface Bundle extends BundleMetadata {
  /** Absolute path of the module. */
  readonly module: string;
  /** The text of the module, which an upgrade of the package does not change. */
  readonly code: string;
  /** Absolute path of the folder with the built console; null without one. */
  readonly assets: string | null;
}

const PACKAGE_NAME = "fairlead";

/** Longest duration of a build, ms; wrangler takes two seconds on a fast machine. */
const BUILD_MS = 120_000;

const ADVICE = "Install the package again; in a source checkout run `npm ci` and `npm run build:edge`.";

/**
 * Finds the built Worker, or builds it in a source checkout.
 *
 * @param directory its directory; the package's own unless given
 * @throws FairleadError edge.failed with what to do
 */
export async function findBundle(directory?: string): Promise<Bundle> {
  if (directory !== undefined) return readBundle(directory, null);
  const root = packageRoot(import.meta.dirname);
  if (root === null)
    throw new FairleadError("edge.failed", `The files of the package are incomplete. ${ADVICE}`);
  const built = join(root, "dist", "edge");
  const script = join(root, "connector", "edge", "workerd", "build.ts");
  if (!isComplete(built) && existsSync(script)) await build(script, root);
  const assets = join(root, "dist", "console");
  return readBundle(built, existsSync(join(assets, ASSETS_MANIFEST)) ? assets : null);
}

function isComplete(directory: string): boolean {
  return existsSync(join(directory, MODULE_FILE)) && existsSync(join(directory, METADATA_FILE));
}

async function readBundle(directory: string, assets: string | null): Promise<Bundle> {
  if (!isComplete(directory)) {
    throw new FairleadError("edge.failed", `The built edge is not in ${directory}. ${ADVICE}`);
  }
  try {
    const metadata: unknown = JSON.parse(await readFile(join(directory, METADATA_FILE), "utf8"));
    const module = join(directory, MODULE_FILE);
    return { module, assets, code: await readFile(module, "utf8"), ...BundleMetadata.parse(metadata) };
  } catch (error) {
    throw new FairleadError("edge.failed", `${join(directory, METADATA_FILE)} is damaged. ${ADVICE}`, {
      cause: error,
    });
  }
}

/** The nearest directory above with the package.json of this package; null without one. */
export function packageRoot(from: string): string | null {
  for (let at = from; ; at = dirname(at)) {
    if (isPackage(join(at, "package.json"))) return at;
    if (dirname(at) === at) return null;
  }
}

function isPackage(file: string): boolean {
  try {
    const read: unknown = JSON.parse(readFileSync(file, "utf8"));
    return z.object({ name: z.literal(PACKAGE_NAME) }).safeParse(read).success;
  } catch {
    return false;
  }
}

/** Runs the build with the current Node. */
async function build(script: string, root: string): Promise<void> {
  const child = spawn(process.execPath, [script], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  // Not the `timeout` of spawn: its timer stays when the program cannot be started (Node 24.21).
  const timer = setTimeout(() => child.kill(), BUILD_MS);
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed = (printed + text).slice(-4000);
    });
  }
  const status = await new Promise<number | null>((resolve) => {
    child.once("error", (error) => {
      printed += error.message;
      resolve(null);
    });
    child.once("close", resolve);
  });
  clearTimeout(timer);
  if (status !== 0) throw new FairleadError("edge.failed", `Building the edge failed. ${ADVICE}\n${printed}`);
}
