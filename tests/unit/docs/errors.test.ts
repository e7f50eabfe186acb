import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { errorsPage } from "../../../docs/errors.ts";
import { ERRORS } from "../../../protocol/errors.ts";

it("docs/errors.md is what the table of errors says (run `npm run docs`)", async () => {
  const page = await readFile(new URL("../../../docs/errors.md", import.meta.url), "utf8");
  expect(page).toBe(errorsPage());
});

it.each(Object.entries(ERRORS))(
  "%s says what it means and what to do, in whole sentences",
  (_code, entry) => {
    expect(entry.meaning).toMatch(/^[A-Z].*\.$/);
    expect(entry.action).toMatch(/^[A-Z`].*\.$/);
    expect(entry.status).toBeGreaterThanOrEqual(400);
    expect(entry.status).toBeLessThan(600);
  },
);
