import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT, repositoryFiles } from "../../support/run/repository-files.ts";

/** The text of each call that waits for a condition, from its name to the parenthesis that closes it. */
function waits(text: string): string[] {
  return [...text.matchAll(/\b(vi\.waitFor|vi\.waitUntil|expect\.poll)\(/g)].map(({ index, 0: name }) => {
    let depth = 1;
    let end = index + name.length;
    for (; depth > 0 && end < text.length; end++) {
      if (text[end] === "(") depth++;
      if (text[end] === ")") depth--;
    }
    return text.slice(index, end);
  });
}

/** The limits of single tests in a text, ms: the number behind a test, or its option. Shorter ones are those of timers. */
function limits(text: string): number[] {
  const found = text.matchAll(
    /^ *\}, ([\d_]+)\);$|\b(?:it|describe)\b.*\btimeout: ([\d_]+)|^ *timeout: ([\d_]+),$/gm,
  );
  return [...found]
    .map(([, ...groups]) => Number(groups.join("").replaceAll("_", "")))
    .filter((ms) => ms >= 10_000);
}

it("tests that wait for a condition have the patience of a busy machine, not the second that is the default", () => {
  const found = repositoryFiles("tests")
    .filter((file) => file.endsWith(".ts") && !file.endsWith("house/waits.test.ts"))
    .flatMap((file) => waits(readFileSync(join(ROOT, file), "utf8")).map((call) => `${file}: ${call}`));
  expect(found.length).toBeGreaterThan(30);
  expect(found.filter((call) => !/PATIENCE|timeout: [0-9_]{5,}/.test(call))).toEqual([]);
});

/** The least patience of a wait, ms. */
const LEAST_PATIENCE = 60_000;

it("no wait for a condition has less patience than the others, but for the test of waiting", () => {
  const found = repositoryFiles("tests")
    .filter((file) => file.endsWith(".ts") && !file.endsWith("clock/eventually.test.ts"))
    .flatMap((file) => {
      const text = readFileSync(join(ROOT, file), "utf8");
      const polls = waits(text).flatMap((call) => [...call.matchAll(/\btimeout: ([\d_]+)/g)]);
      const patience = [...polls, ...text.matchAll(/\bwithin: ([\d_]+)/g)];
      return patience.map(([, ms = ""]) => ({ file, ms: Number(ms.replaceAll("_", "")) }));
    });
  expect(found.length).toBeGreaterThan(10);
  expect(found.filter(({ ms }) => ms < LEAST_PATIENCE)).toEqual([]);
});

it("single tests have no shorter limit than all tests have for those that hang", () => {
  const config = readFileSync(join(ROOT, "vitest.config.ts"), "utf8");
  const least = Number(/testTimeout: ([\d_]+)/.exec(config)?.[1]?.replaceAll("_", ""));
  const found = repositoryFiles("tests")
    .filter((file) => file.endsWith(".test.ts"))
    .flatMap((file) => limits(readFileSync(join(ROOT, file), "utf8")).map((ms) => ({ file, ms })));
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter(({ ms }) => ms < least)).toEqual([]);
});
