/** Runs the attacks that take seconds. `npm run attack` runs all of them, and judges how long others waited. */
import { describe, expect, it } from "vitest";
import { loadScripts } from "../attack/catalogue.ts";
import { runScript } from "../attack/runner.ts";

const scripts = await loadScripts();
/** Above the limit of every script, so that the script reports what it waited for. */
const LIMIT_MS = 300_000;

describe("An attack script", () => {
  it("has the name of its file, and one sentence as its rule", () => {
    expect(scripts.length).toBeGreaterThan(0);
    for (const { rule } of scripts) expect(rule).toMatch(/^[A-Z].*\.$/s);
  });
});

describe("The edge and its connectors", () => {
  const short = scripts.filter(({ ci }) => ci);
  it.each(short.map((script) => [script.name, script] as const))(
    "withstand the attack %s",
    async (_, script) => {
      const { held, seen, figures, logs } = await runScript(script);
      expect(held, `${seen}\n${JSON.stringify(figures)}\n${logs}`).toBe(true);
    },
    LIMIT_MS,
  );
});
