import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it } from "vitest";
import documentation from "../../docs/storage.md?raw";
import { createNetwork } from "../support/workerd/client.ts";
import { resetEdge } from "../support/workerd/reset.ts";

afterEach(() => resetEdge());

/** Tables and columns of one part of the page: headings ### `table`, then the first column of the table. */
function documented(part: string): Record<string, string[]> {
  const [, text = ""] = documentation.split(`\n## ${part}\n`);
  const [section = ""] = text.split("\n## ");
  const tables: Record<string, string[]> = {};
  for (const block of section.split("\n### ").slice(1)) {
    const name = /^`(\w+)`\n/.exec(block)?.[1];
    if (name === undefined) continue;
    tables[name] = [...block.matchAll(/^\| *`(\w+)` *\|/gm)].map(([, column = ""]) => column);
  }
  return tables;
}

/** Tables and columns that an object has. */
const stored = (stub: DurableObjectStub<undefined>) =>
  runInDurableObject(stub, (_: DurableObject, { storage }: DurableObjectState) => {
    const names = storage.sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
      .toArray()
      .map(({ name }) => name)
      // What the platform and SQLite keep for themselves.
      .filter((name) => !name.startsWith("_cf_") && name !== "sqlite_sequence");
    return Object.fromEntries(
      names.map((name) => [name, storage.sql.exec(`SELECT * FROM ${name} LIMIT 0`).columnNames]),
    );
  });

it("the tables and columns of the registry are those of docs/storage.md", async () => {
  const network = await createNetwork("shop");
  const tables = await stored(env.REGISTRY.getByName(network.id) as unknown as DurableObjectStub<undefined>);
  expect(Object.keys(tables).length).toBeGreaterThan(10);
  expect(documented("Registry")).toEqual(tables);
});

it("the tables and columns of the directory are those of docs/storage.md", async () => {
  await createNetwork("shop");
  expect(documented("Directory")).toEqual(await stored(env.DIRECTORY.getByName("directory")));
});
