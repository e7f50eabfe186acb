/** The attacks that take seconds; `npm run attack` runs all of them. */
import { describe, expect, it } from "vitest";
import { loadScripts } from "../attack/catalogue.ts";
import { runScript } from "../attack/runner.ts";

const scripts = await loadScripts();
/** Above every script's own limit, so that the script says what it waited for. */
const LIMIT_MS = 300_000;

describe("an attack", () => {
  it("has a name of its own and one sentence as its rule", () => {
    expect(scripts.length).toBeGreaterThan(0);
    for (const { rule } of scripts) expect(rule).toMatch(/^[A-Z].*\.$/s);
  });

  const short = scripts.filter(({ ci }) => ci);
  it.each(short.map((script) => [script.name, script] as const))(
    "of the kind %s does not succeed",
    async (_, script) => {
      const { held, seen, figures, logs } = await runScript(script);
      expect({ held, seen, figures }, logs).toMatchObject({ held: true });
    },
    LIMIT_MS,
  );
});
