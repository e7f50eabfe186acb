/** Runs the commands and files of examples/ as their pages say, at other addresses. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { eventually } from "../support/process/cluster.ts";
import { Example } from "../support/process/example.ts";
import type { ManagedProcess } from "../support/process/managed-process.ts";
import { Postgres } from "../support/process/postgres.ts";
import { readCompose } from "../support/run/compose.ts";
import { readImage } from "../support/run/image.ts";
import { useEdge } from "../support/run/suite.ts";
import { closeShop, serveHttp } from "../support/traffic/shop.ts";

const suite = useEdge({ login: true });
const running: ManagedProcess[] = [];

/** Starts a long-running command of an example. */
function start(example: Example, command: string): ManagedProcess {
  const started = example.start(command);
  running.push(started);
  return started;
}

/** Deletes the network, because every page creates it under the same name. */
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
  const { status, stderr } = await suite.cluster.fairlead(["network", "delete", "shop", "--yes"]);
  expect(status, stderr).toBe(0);
});

/** Whether the page starts its edge as the suite does, apart from addresses and state directory. */
const startsAnEdge = (example: Example) => example.commands[0] === "fairlead edge start";

const textAt = (url: string) =>
  eventually(`an answer at ${url}`, async () => {
    const response = await fetch(url);
    return response.ok ? await response.text() : null;
  });

describe("examples/two-sites", () => {
  it("reaches the API of east from west, also after a restart of both connectors", async () => {
    const address = "127.21.0.1";
    const port = await freePort("127.0.0.1");
    const example = await Example.copy(suite.cluster, "two-sites", { 9000: port, "127.2.0.1": address });
    expect(startsAnEdge(example)).toBe(true);
    start(example, example.command("node server.mjs"));
    await example.run(example.command("network create"));
    await example.run(example.command("token create"));
    const connectors = ["east.yaml", "west.yaml"].map((file) => start(example, example.command(file)));

    const [, url = ""] = /^curl (\S+)$/.exec(example.command("curl")) ?? [];
    expect(url).toBe(`http://${address}:${port}/`);
    expect(await textAt(url)).toBe("Hello from east: GET /\n");
    expect(await example.run("fairlead status")).toMatch(/east[\s\S]*west/);

    await Promise.all(connectors.map((each) => each.stop()));
    await rm(join(example.directory, "token.yaml"));
    for (const file of ["west.yaml", "east.yaml"]) start(example, example.command(file));
    expect(await textAt(url)).toBe("Hello from east: GET /\n");
  });
});

describe("examples/postgres", () => {
  it("carries a database transaction from app to data across a restart of the edge", async () => {
    const server = await Postgres.start({ host: "127.0.0.1" });
    try {
      const listener = await freePort("127.0.0.1");
      const example = await Example.copy(suite.cluster, "postgres", { 5432: server.port, 15432: listener });
      expect(startsAnEdge(example)).toBe(true);
      await example.run(example.command("network create"));
      await example.run(example.command("site create data"));
      start(example, example.command("data.yaml"));
      await eventually("data has joined", () => example.run(example.command("token create --issuer data")));
      start(example, example.command("app.yaml"));
      await eventually("app has joined", () => example.run(example.command("site update app")));
      expect(await example.run(example.command("link list"))).toMatch(/app[\s\S]*data/);

      const [, url = ""] = /^psql (\S+) /.exec(example.command("psql")) ?? [];
      expect(new URL(url).host).toBe(`127.0.0.1:${listener}`);
      const connectionString = url.replace("@", `:${server.password}@`);
      const client = await eventually("a login at the database", async () => {
        const attempt = new pg.Client({ connectionString });
        attempt.on("error", () => {});
        await attempt.connect();
        return attempt;
      });
      await client.query("create table orders (id int)");
      await client.query("begin");
      await client.query("insert into orders values (1)");
      await suite.edge.restart();
      await client.query("insert into orders values (2)");
      await client.query("commit");
      const { rows } = await client.query("select count(*)::int as orders from orders");
      expect(rows).toEqual([{ orders: 2 }]);
      await client.end();
    } finally {
      await Promise.all(running.splice(0).map((each) => each.stop()));
      await server.stop();
    }
  });
});

describe("examples/compose", () => {
  it("starts the connector until its health check succeeds, and needs no token for the next start", async () => {
    const { connector, app } = readCompose().services;
    const { entrypoint, healthCheck } = readImage();
    const state = suite.cluster.fresh("compose");
    const listener = `127.23.0.1:${await freePort("127.23.0.1")}`;
    const here = (word: string) => word.replace("0.0.0.0:9000", listener).replace(/^\/state$/, state);
    const [, , ...args] = [...entrypoint, ...connector.command].map(here);
    const [, ...probe] = healthCheck.map(here);

    const example = await Example.copy(suite.cluster, "compose");
    await example.run("fairlead network create shop");
    await example.run(example.command("token create").replace("token.yaml", "all.yaml --uses 2"));
    const token = join(example.directory, "all.yaml");
    const target = await serveHttp("api");
    const east = [
      "connector",
      "run",
      "--site",
      "east",
      "--state",
      suite.cluster.fresh("east"),
      "--token",
      token,
    ];
    running.push(suite.cluster.run("east", [...east, "--expose", `api=${target}`]));

    const text = await readFile(token, "utf8");
    const path = new URL(app.command.at(-1) ?? "").pathname;
    for (const FAIRLEAD_TOKEN of [text, ""]) {
      const started = suite.cluster.run("compose", args, { FAIRLEAD_TOKEN });
      running.push(started);
      await eventually("the health check succeeds", async () => {
        return (await suite.cluster.fairlead(probe)).status === 0;
      });
      expect(JSON.parse(await textAt(`http://${listener}${path}`))).toEqual({ service: "api", path });
      expect((await started.stop()).status).toBe(0);
    }
    closeShop();
  });
});
