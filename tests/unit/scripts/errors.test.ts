import { describe, expect, it } from "vitest";
import { ERRORS } from "../../../protocol/errors.ts";
import { errorsPage } from "../../../scripts/errors.ts";

describe("errorsPage", () => {
  it("has a section for every error code, each under a title of its own kind", () => {
    for (const code of Object.keys(ERRORS)) expect(errorsPage()).toContain(`### \`${code}\`\n`);
    expect(errorsPage()).not.toContain("## Other\n");
  });

  it("has each heading once", () => {
    const headings: readonly string[] = errorsPage().match(/^##+ .+$/gm) ?? [];
    expect(headings.filter((heading, at) => headings.indexOf(heading) !== at)).toEqual([]);
  });
});

describe("the table of errors", () => {
  it.each(Object.entries(ERRORS))("says in whole sentences what %s means and what to do", (_code, entry) => {
    expect(entry.meaning).toMatch(/^[A-Z].*\.$/);
    expect(entry.action).toMatch(/^[A-Z`].*\.$/);
    expect(entry.status).toBeGreaterThanOrEqual(400);
    expect(entry.status).toBeLessThan(600);
  });
});
