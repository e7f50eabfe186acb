/**
 * `npm run build:console`: builds the console's application into dist/console, with a manifest of what is served. The
 * build is swapped in at the end, so a reader of dist/console finds one complete build.
 */
import { join, resolve } from "node:path";
import { build } from "vite";
import { replaceDirectory } from "../connector/edge/workerd/directory-draft.ts";
import { checkFirstPage } from "./console-budget.ts";
import { consoleConfig } from "./console-config.ts";
import { writeConsoleManifest } from "./console-manifest.ts";

const target = join(resolve(import.meta.dirname, ".."), "dist", "console");
await replaceDirectory(target, async (draft) => {
  await build(consoleConfig(draft));
  const bytes = await checkFirstPage(draft);
  await writeConsoleManifest(draft);
  console.log(`The first page has ${Math.ceil(bytes / 1024)} KiB gzipped.`);
});
console.log(`Built ${target}`);
