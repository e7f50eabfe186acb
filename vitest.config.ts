import { defineConfig } from "vitest/config";

/**
 * For tests that hang, ms. A bound on how long something may take is no test's business: a machine may be busy.
 * Where speed is the point, a test compares with a control of its own.
 */
const LIMITS = { testTimeout: 300_000, hookTimeout: 300_000 };

/** unit: pure decisions and codecs in Node. edge: the objects inside workerd. system: real processes and TLS. chaos: harm done to those. */
export default defineConfig({
  test: {
    // Many files mostly wait, for processes or for time to pass.
    maxWorkers: 3,
    reporters: ["default", "./tests/support/run/count-reporter.ts"],
    projects: [
      { test: { name: "unit", include: ["tests/unit/**/*.test.ts"], ...LIMITS } },
      "tests/edge/vitest.config.ts",
      {
        test: {
          name: "system",
          include: ["tests/system/**/*.test.ts"],
          ...LIMITS,
        },
      },
      {
        test: {
          name: "chaos",
          include: ["tests/chaos/**/*.test.ts"],
          ...LIMITS,
        },
      },
    ],
  },
});
