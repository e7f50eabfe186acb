import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { rolesTable, withRoles } from "../../../docs/roles.ts";
import { ROLES } from "../../../workers/auth/roles.ts";

it("docs/security.md shows the table of roles that the edge enforces (run `node docs/roles.ts`)", async () => {
  const page = await readFile(new URL("../../../docs/security.md", import.meta.url), "utf8");
  expect(page).toBe(withRoles(page));
});

it("the table has every operation", () => {
  for (const operation of Object.keys(ROLES)) expect(rolesTable()).toContain(`| \`${operation}\` |`);
});
