/** Running programs whose package is replaced, as `npm install --global` and `npm run build` do: the old files are gone. */
import { cp, mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { childrenOf } from "../support/edge/edge-client.ts";
import {
  Cluster,
  type Connector,
  type Edge,
  eventually,
  programOf,
  ROOT,
} from "../support/process/cluster.ts";
import { closeServers, echo, exchange, serve } from "../support/traffic/servers.ts";

let cluster: Cluster;
let edge: Edge;
let east: Connector;
let west: Connector;
let token: string;
let config: string;

beforeAll(async () => {
  const outer = await Cluster.create();
  const installed = outer.path("fairlead");
  await mkdir(installed);
  for (const name of ["bin", "dist", "package.json"]) {
    await cp(join(ROOT, name), join(installed, name), { recursive: true });
  }
  await symlink(join(ROOT, "node_modules"), join(installed, "node_modules"));
  const running = await Cluster.create("fl-", programOf(installed));
  edge = await running.edge();
  const network = await running.network(edge);
  token = await network.token({ uses: 3 });
  config = running.path("west.yaml");
  await writeFile(config, "log-level: info\n");
  east = await running.connector({ site: "east", token });
  west = await running.connector({ site: "west", token, bind: "127.24.0.1", args: ["--config", config] });
  await rename(installed, outer.path("replaced"));
  cluster = outer;
  ended.push(running, outer);
});

const ended: Cluster[] = [];
afterAll(async () => {
  await closeServers();
  for (const each of ended) await each.close();
});
afterEach(({ task }) => {
  if (task.result?.state === "fail") for (const each of ended) console.error(each.logs());
});

/** Runs a command of the new program at a site. */
const at = (site: Connector, ...args: readonly string[]) =>
  cluster.fairlead(args, { FAIRLEAD_STATE: site.stateDir });

describe("A program whose package was replaced", () => {
  it("offers, listens and carries, and follows its configuration file", async () => {
    const server = await serve(echo);
    expect(await at(east, "expose", `api=${server.host}:${server.port}`)).toMatchObject({ status: 0 });
    const address = await west.listener("api");
    expect(await exchange(address, "before")).toEqual(Buffer.from("before"));
    await writeFile(config, "log-level: debug\n");
    await west.logged({ msg: "The configuration was reloaded.", file: config });
    expect(await exchange(address, "after")).toEqual(Buffer.from("after"));
  });

  it("answers every command at its site", async () => {
    expect(await at(west, "status", "--json")).toMatchObject({ status: 0 });
    expect(await at(west, "link", "status", "--json")).toMatchObject({ status: 0 });
    expect(await at(west, "service", "status", "--json")).toMatchObject({ status: 0 });
    expect(await at(east, "unexpose", "api")).toMatchObject({ status: 0 });
  });

  it("runs its workerd again", async () => {
    const workerd = childrenOf(edge.process.pid).find(({ command }) => command.includes("workerd"));
    process.kill(workerd?.pid ?? 0, "SIGKILL");
    await eventually(
      "the edge answers",
      async () => (await cluster.fairlead(["site", "list"], edge.env)).status === 0,
    );
  });

  it("ends in order", async () => {
    for (const each of [west, east]) expect(await each.stop()).toMatchObject({ status: 0 });
    await edge.stop();
    expect(edge.process.exit).toMatchObject({ status: 0 });
  });
});
