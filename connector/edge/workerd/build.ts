/**
 * `npm run build:edge`: builds the Worker with wrangler into dist/edge, as `wrangler deploy` would upload it,
 * and writes the settings of wrangler.toml that workerd needs beside it. The build is swapped in at the end,
 * so a reader of dist/edge finds one complete build.
 */
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { unstable_readConfig } from "wrangler";
import { type BundleMetadata, METADATA_FILE } from "./bundle.ts";
import { replaceDirectory } from "./directory-draft.ts";

/** Builds the checkout at `root`. @throws Error when wrangler fails, or its configuration is incomplete */
async function buildEdge(root: string): Promise<string> {
  const config = unstable_readConfig({ config: join(root, "wrangler.toml") });
  if (config.compatibility_date === undefined) throw new Error("wrangler.toml has no compatibility_date.");
  const metadata: BundleMetadata = {
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
  };
  const target = join(root, "dist", "edge");
  // wrangler requires the folder of static assets, which is built apart.
  await mkdir(join(root, "dist", "console"), { recursive: true });
  await replaceDirectory(target, async (draft) => {
    await mkdir(draft, { recursive: true });
    await runWrangler(root, draft);
    await writeFile(join(draft, METADATA_FILE), `${JSON.stringify(metadata, null, 2)}\n`);
  });
  return target;
}

async function runWrangler(root: string, outdir: string): Promise<void> {
  const manifest = createRequire(import.meta.url).resolve("wrangler/package.json");
  const wrangler = join(dirname(manifest), "bin", "wrangler.js");
  const child = spawn(
    process.execPath,
    [wrangler, "deploy", "--config", join(root, "wrangler.toml"), "--dry-run", "--outdir", outdir],
    {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
    },
  );
  const status = await new Promise<number | null>((done, fail) => {
    child.once("error", fail);
    child.once("close", done);
  });
  if (status !== 0) throw new Error(`wrangler ended with status ${status}.`);
}

const built = await buildEdge(resolve(import.meta.dirname, "..", "..", ".."));
console.log(`Built ${built}`);
