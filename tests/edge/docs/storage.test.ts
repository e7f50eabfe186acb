/** docs/storage.md against the databases of the Durable Objects. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import documentation from "../../../docs/storage.md?raw";
import { call, createNetwork } from "../../support/workerd/client.ts";
import { admit, hangUpAll, PATIENCE } from "../../support/workerd/member.ts";
import { resetEdge } from "../../support/workerd/reset.ts";
import { streams, TelemetryLine, telemetryOf } from "../../support/workerd/telemetry-line.ts";

afterEach(async () => {
  hangUpAll();
  await resetEdge();
});

/** Returns tables and columns of a part of the page: each heading ### `table`, and the first column below it. */
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

/** Returns tables and columns of an object's database. */
const stored = (stub: DurableObjectStub<undefined>) =>
  runInDurableObject(stub, (_: DurableObject, { storage }: DurableObjectState) => {
    const names = storage.sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
      .toArray()
      .map(({ name }) => name)
      // Tables of the platform and of SQLite are not part of the page.
      .filter((name) => !name.startsWith("_cf_") && name !== "sqlite_sequence");
    return Object.fromEntries(
      names.map((name) => [name, storage.sql.exec(`SELECT * FROM ${name} LIMIT 0`).columnNames]),
    );
  });

describe("docs/storage.md", () => {
  it("lists the tables and columns of the registry", async () => {
    const network = await createNetwork("shop");
    const tables = await stored(
      env.REGISTRY.getByName(network.id) as unknown as DurableObjectStub<undefined>,
    );
    expect(Object.keys(tables).length).toBeGreaterThan(10);
    expect(documented("Registry")).toEqual(tables);
  });

  it("lists the tables and columns of the object of traffic", async () => {
    const network = await createNetwork("shop");
    const line = await TelemetryLine.open(await admit("shop", "west"));
    line.report(streams({ opened: 1 }));
    const telemetry = telemetryOf({ networkId: network.id });
    const tables = await vi.waitFor(async () => {
      await runDurableObjectAlarm(telemetry);
      const found = await stored(telemetry as unknown as DurableObjectStub<undefined>);
      expect(Object.keys(found)).toEqual(["totals", "windows"]);
      return found;
    }, PATIENCE);
    expect(documented("Traffic")).toEqual(tables);
  });

  it("lists the tables and columns of the directory", async () => {
    await createNetwork("shop");
    expect(documented("Directory")).toEqual(await stored(env.DIRECTORY.getByName("directory")));
  });

  it("lists the tables and columns of the console", async () => {
    await call("GET", "/v1/console-users");
    const console = env.CONSOLE.getByName("console") as unknown as DurableObjectStub<undefined>;
    expect(documented("Console")).toEqual(await stored(console));
  });
});
