/**
 * `npm run build:cli`: bundles the command with every package that it uses into dist/cli, so that an installation
 * downloads nothing else. Packages in `dependencies` and `peerDependencies` stay outside. The licences of what was
 * bundled are written beside it.
 */
import { readFile, writeFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { join, relative, resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import * as z from "zod";
import { replaceDirectory } from "../connector/edge/workerd/directory-draft.ts";
import { bundledPackages, noticesOf, targetOf } from "./bundled-packages.ts";

const ROOT = resolve(import.meta.dirname, "..");

/** Native accelerators that ws uses if they are installed. */
const OPTIONAL = ["bufferutil", "utf-8-validate"];

/** CommonJS packages call `require` for the modules of Node. */
const REQUIRE = `import { createRequire as nodeRequire } from "node:module"; const require = nodeRequire(import.meta.url);`;

/** What every command loads. */
const START = join(ROOT, "connector/cli/run.ts");

/** Names every module of Node, and loads none. */
const ALL_BUILTINS = "node:*";

/**
 * Takes modules of Node without making ES modules of them. An import of `node:http` as an ES module reads each of its
 * properties, and Node 24 loads its own undici for some: a third of the start of a command (seen with 24.21, 2026-11-26).
 */
const builtins: Plugin = {
  name: "builtins",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind, namespace }) =>
      kind === "import-statement" || namespace === "builtin" ? { path, namespace: "builtin" } : undefined,
    );
    const names = builtinModules.filter((name) => !name.startsWith("_") && !name.startsWith("node:"));
    onLoad({ filter: /./, namespace: "builtin" }, ({ path }) => ({
      contents:
        path === ALL_BUILTINS
          ? `exports.all = () => [${names.map((name) => `require("node:${name}")`).join(", ")}];`
          : `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

/**
 * Lets everything that is imported by `import()` import the start of the command first, which runs by then. So all that
 * each command loads is in one file, and not in 60 by which of it what shares: each costs half a millisecond of CPU.
 */
const sharedStart: Plugin = {
  name: "shared-start",
  setup({ onResolve, onLoad, resolve: find }) {
    const isFound = Symbol("found");
    onResolve({ filter: /^\./ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      const isOwn = kind === "dynamic-import" && !importer.includes("node_modules");
      if (!isOwn || pluginData === isFound) return undefined;
      const found = await find(path, { kind, importer, resolveDir, pluginData: isFound });
      if (found.errors.length > 0 || found.path === START) return found;
      return { path: relative(ROOT, found.path), namespace: "shared-start" };
    });
    onLoad({ filter: /./, namespace: "shared-start" }, ({ path }) => ({
      contents: [
        ...[START, ALL_BUILTINS].map((each) => `import ${JSON.stringify(each)};`),
        `export * from ${JSON.stringify(join(ROOT, path))};`,
      ].join("\n"),
      resolveDir: ROOT,
    }));
  },
};

const Names = z.record(z.string(), z.string()).default({});
const Manifest = z.object({
  engines: z.object({ node: z.string() }),
  dependencies: Names,
  peerDependencies: Names,
});

const manifest = Manifest.parse(JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")));
const target = join(ROOT, "dist", "cli");
await replaceDirectory(target, async (draft) => {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["connector/cli/main.ts"],
    outdir: draft,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: targetOf(manifest.engines.node),
    external: [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies), ...OPTIONAL],
    plugins: [builtins, sharedStart],
    banner: { js: REQUIRE },
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  const packages = bundledPackages(Object.keys(metafile.inputs));
  await writeFile(join(draft, "NOTICES.txt"), await noticesOf(ROOT, packages));
});
