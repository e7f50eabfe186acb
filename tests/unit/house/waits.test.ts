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

it("tests that wait for a condition have the patience of a busy machine, not the second that is the default", () => {
  const found = repositoryFiles("tests")
    .filter((file) => file.endsWith(".ts") && !file.endsWith("house/waits.test.ts"))
    .flatMap((file) => waits(readFileSync(join(ROOT, file), "utf8")).map((call) => `${file}: ${call}`));
  expect(found.length).toBeGreaterThan(30);
  expect(found.filter((call) => !/PATIENCE|timeout: [0-9_]{5,}/.test(call))).toEqual([]);
});
