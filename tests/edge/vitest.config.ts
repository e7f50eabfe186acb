/** Tests that run inside workerd, against the objects and entrypoints themselves. */
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { configDefaults, defineConfig } from "vitest/config";
import { IGNORED_FOLDERS } from "../support/run/ignored-folders.ts";
import { MAX_WORKERS } from "../support/run/max-workers.ts";

// Loaded by Node itself: bundled into this file, its imports would run in another order, and the certificate
// library needs what is imported before it.
const environment: typeof import("../support/workerd/environment.ts") = await import(
  new URL("../support/workerd/environment.ts", import.meta.url).href
);

export default defineConfig(async () => ({
  plugins: [
    cloudflareTest({
      wrangler: { configPath: "../../wrangler.toml" },
      miniflare: { bindings: await environment.createTestEnvironment() },
    }),
  ],
  test: {
    name: "edge",
    // As for all projects: a worker starts workerd once, and loads the Worker once, for all of its files.
    isolate: false,
    include: ["**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...IGNORED_FOLDERS],
    root: import.meta.dirname,
    // As in all projects, so that these files run beside the others and not after them.
    maxWorkers: MAX_WORKERS,
    // For tests that hang: a machine may be busy.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // itty-durable is written in ESM but does not say so in its package.
    deps: { optimizer: { ssr: { enabled: true, include: ["itty-durable"] } } },
  },
}));
