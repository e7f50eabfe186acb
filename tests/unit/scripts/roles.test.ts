import { describe, expect, it } from "vitest";
import { rolesTable } from "../../../scripts/roles.ts";
import { ROLES } from "../../../workers/auth/roles.ts";

describe("rolesTable", () => {
  it("has a row for every operation", () => {
    for (const operation of Object.keys(ROLES)) expect(rolesTable()).toContain(`| \`${operation}\` |`);
  });
});
