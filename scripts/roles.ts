/** Writes the table of roles in docs/security.md from the table that the edge enforces: `npm run docs`. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Role } from "../protocol/api/keys.ts";
import { type Least, ROLES, roleSuffices } from "../workers/auth/roles.ts";
import { replaceSection } from "./section.ts";

const COLUMNS: readonly Role[] = ["viewer", "operator", "admin"];

const allows = (least: Least, role: Role) => least === "public" || roleSuffices(role, least);

/** Makes the table as Markdown. */
export function rolesTable(): string {
  const rows = Object.entries(ROLES).map(([operation, least]) => {
    const marks = [least === "public", ...COLUMNS.map((role) => allows(least, role))];
    return `| \`${operation}\` | ${marks.map((allowed) => (allowed ? "yes" : "–")).join(" | ")} |`;
  });
  return ["| call | nobody | viewer | operator | admin |", "|---|---|---|---|---|", ...rows].join("\n");
}

/** Puts the table into the page. @throws Error when the marks of the table are missing */
export const withRoles = (page: string) => replaceSection(page, "roles", rolesTable());

if (import.meta.main) {
  const file = join(import.meta.dirname, "../docs/security.md");
  await writeFile(file, withRoles(await readFile(file, "utf8")));
}
