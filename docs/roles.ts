/**
 * Makes the table of roles in docs/security.md, between its marks, from the one that the edge enforces:
 * `npm run docs`. A test holds the page to it.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Role } from "../protocol/api/api.ts";
import { type Least, ROLES, roleSuffices } from "../workers/auth/roles.ts";

const BEGIN = "<!-- roles: made by `npm run docs` from workers/auth/roles.ts -->";
const END = "<!-- end of roles -->";
const COLUMNS: readonly Role[] = ["viewer", "operator", "admin"];

const allows = (least: Least, role: Role) => least === "public" || roleSuffices(role, least);

/** The table, as Markdown. */
export function rolesTable(): string {
  const rows = Object.entries(ROLES).map(([operation, least]) => {
    const marks = [least === "public", ...COLUMNS.map((role) => allows(least, role))];
    return `| \`${operation}\` | ${marks.map((allowed) => (allowed ? "yes" : "–")).join(" | ")} |`;
  });
  return ["| call | nobody | viewer | operator | admin |", "|---|---|---|---|---|", ...rows].join("\n");
}

/** The page with the table in its place. @throws Error when the marks are missing */
export function withRoles(page: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from === -1 || to < from)
    throw new Error("docs/security.md has lost the marks around the table of roles.");
  return `${page.slice(0, from)}${BEGIN}\n\n${rolesTable()}\n\n${page.slice(to)}`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const file = join(import.meta.dirname, "security.md");
  await writeFile(file, withRoles(await readFile(file, "utf8")));
}
