import { join } from "node:path";
import { configDefaults, defineConfig } from "vitest/config";
import { IGNORED_FOLDERS } from "./tests/support/run/ignored-folders.ts";
import { LongestFirst } from "./tests/support/run/longest-first.ts";
import { MAX_WORKERS } from "./tests/support/run/max-workers.ts";

/**
 * For tests that hang, ms. A bound on how long something may take is no test's business: a machine may be busy.
 * Where speed is the point, a test compares with a control of its own.
 */
const LIMITS = { testTimeout: 300_000, hookTimeout: 300_000 };

/** One worker runs file after file, and loads what they share once: no file leaves anything behind that another minds. */
const SHARED = { isolate: false, exclude: [...configDefaults.exclude, ...IGNORED_FOLDERS], ...LIMITS };

/**
 * unit: pure decisions and codecs in Node. edge: the objects inside workerd. system: real processes and TLS. browser:
 * the console in a real Chromium. chaos: harm done to those. conformance: programs of Debian as peers, outside of `npm test`.
 */
export default defineConfig({
  test: {
    maxWorkers: MAX_WORKERS,
    // Node keeps what it compiled, here and in every process that a test starts.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules/.cache/fairlead/compile") },
    reporters: [
      "default",
      "./tests/support/conformance/conformance-reporter.ts",
      "./tests/support/run/count-reporter.ts",
    ],
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { name: "unit", include: ["tests/unit/**/*.test.ts"], ...SHARED } },
      "tests/edge/vitest.config.ts",
      { test: { name: "system", include: ["tests/system/**/*.test.ts"], ...SHARED } },
      { test: { name: "browser", include: ["tests/browser/**/*.test.ts"], ...SHARED } },
      { test: { name: "chaos", include: ["tests/chaos/**/*.test.ts"], ...SHARED } },
      { test: { name: "conformance", include: ["tests/conformance/**/*.test.ts"], ...SHARED } },
    ],
  },
});
