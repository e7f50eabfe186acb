/**
 * `npm run build:cli`: bundles the command with every package that it uses into dist/cli, so that an installation
 * downloads nothing else. Packages in `dependencies` and `peerDependencies` stay outside. The licences of what was
 * bundled are written beside it.
 */
import { readFile, writeFile } from "node:fs/promises";
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

/**
 * Takes modules of Node without importing them as ES modules: Node 24 would read each of their properties for that, and
 * load its own undici for some (seen with 24.21, 2026-11-26). Here only the properties that are used are read.
 */
const builtins: Plugin = {
  name: "builtins",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "import-statement" ? { path, namespace: "builtin", sideEffects: false } : undefined,
    );
    onLoad({ filter: /./, namespace: "builtin" }, ({ path }) => ({ contents: builtinModule(path) }));
  },
};

/** The text of an ES module with the properties of a module of Node; esbuild leaves out those that nobody imports. */
function builtinModule(path: string): string {
  const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter((name) => name !== "default");
  const isWord = (name: string) => /^[A-Za-z_]\w*$/.test(name);
  return [
    `const builtin = /* @__PURE__ */ process.getBuiltinModule(${JSON.stringify(path)});`,
    "const property = (name) => builtin[name];",
    "export default builtin;",
    ...names
      .filter(isWord)
      .flatMap((name, at) => [
        `const ${name}_${at} = /* @__PURE__ */ property(${JSON.stringify(name)});`,
        `export { ${name}_${at} as ${name} };`,
      ]),
  ].join("\n");
}

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
        `import ${JSON.stringify(START)};`,
        `export * from ${JSON.stringify(join(ROOT, path))};`,
      ].join("\n"),
      resolveDir: ROOT,
    }));
  },
};

/**
 * Escapes what esbuild leaves in comments and regular expressions. V8 keeps the text of a file as long as the file is
 * loaded, with one byte for each character, or with two when a single one needs it.
 */
const inAscii = (text: string): string =>
  text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

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
  for (const output of Object.keys(metafile.outputs)) {
    const path = join(ROOT, output);
    await writeFile(path, inAscii(await readFile(path, "utf8")));
  }
  const packages = bundledPackages(Object.keys(metafile.inputs));
  await writeFile(join(draft, "NOTICES.txt"), await noticesOf(ROOT, packages));
});
