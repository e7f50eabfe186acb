import { defineConfig } from "vitest/config";

/** unit: pure decisions and codecs in Node. edge: the objects inside workerd. system: real processes and TLS. chaos: harm done to those. */
export default defineConfig({
  test: {
    // Many files mostly wait, for processes or for time to pass.
    maxWorkers: 3,
    reporters: ["default", "./tests/support/count-reporter.ts"],
    projects: [
      { test: { name: "unit", include: ["tests/unit/**/*.test.ts"], testTimeout: 20_000 } },
      "tests/edge/vitest.config.ts",
      {
        test: {
          name: "system",
          include: ["tests/system/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "chaos",
          include: ["tests/chaos/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
