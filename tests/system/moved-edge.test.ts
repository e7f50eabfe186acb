/** An edge that is started again at its former addresses and at others, and what becomes of its sites. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import type { EdgeClient } from "../../connector/net/edge-client.ts";
import { createNetwork, createToken } from "../../connector/operator/edge-api.ts";
import { connectorArgs } from "../support/connector/connector.ts";
import { freePort } from "../support/free-port.ts";
import { Cluster, type Connector, eventually } from "../support/process/cluster.ts";
import type { ManagedProcess } from "../support/process/managed-process.ts";
import { PortForward } from "../support/traffic/port-forward.ts";
import { closeServers, echo, exchange, serve } from "../support/traffic/servers.ts";

/** Where the edge is at first, and where it is later. */
const OLD = "127.0.0.3";
const NEW = "127.0.0.2";

const Pair = z.object({ api: z.string(), gateway: z.string() });
const Started = Pair.extend({
  ca: z.string(),
  adminKey: z.string(),
  former: z.array(Pair),
  moved: z.object({ from: Pair, sites: z.array(z.string()) }).nullable(),
});
type Started = z.infer<typeof Started>;

let cluster: Cluster;
let state: string;
let edge: { readonly process: ManagedProcess; readonly at: Started };
let first: Started;
let network: string;
/** A token for three sites, made at the first addresses. */
let token: string;
let west: Connector;
let east: Connector;
let north: Connector;
const forwards: PortForward[] = [];

/** Runs `edge start` on the state directory with these options alone. */
async function start(...options: string[]): Promise<void> {
  const words = ["edge", "start", "--state", state, "--no-login", "--json", ...options];
  const started = cluster.run("edge", words);
  const at = await started.output("its addresses", ({ stdout }) => {
    try {
      return Started.parse(JSON.parse(stdout));
    } catch {
      return null;
    }
  });
  edge = { process: started, at };
}

async function restart(...options: string[]): Promise<void> {
  await edge.process.stop();
  await start(...options);
}

/** A client of the edge with its admin key. */
async function client(): Promise<EdgeClient> {
  const { api: url, ca, adminKey } = edge.at;
  const [caText, key] = await Promise.all([readFile(ca, "utf8"), readFile(adminKey, "utf8")]);
  return cluster.client({ url, key: key.trim(), ca: caText });
}

/** Creates a token at the edge, for a network. Returns the path of its file. */
async function tokenOf(of: string, uses = 1): Promise<string> {
  const { file } = await createToken(await client(), of, { uses, expirySeconds: 900 });
  const path = `${cluster.fresh("token")}.yaml`;
  await writeFile(path, file, { mode: 0o600 });
  return path;
}

/** Forwards the connections to an address that the edge had to where it is now. */
async function forward(from: string, to: string): Promise<void> {
  const place = (url: string) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) });
  forwards.push(await PortForward.open(place(from), place(to)));
}

const up = (site: Connector, api: string) =>
  eventually(`${site.site} is up at ${api}`, async () => {
    const { uplink, edge: at } = await site.status();
    return uplink.state === "up" && at === api;
  });

const identity = (site: Connector) =>
  Promise.all([
    readFile(join(site.stateDir, "key.pem"), "utf8"),
    readFile(join(site.stateDir, "site.json"), "utf8").then((text) => JSON.parse(text).site),
  ]);

const addresses = async (host: string) => [
  "--api",
  `${host}:${await freePort(host)}`,
  "--gateway",
  `${host}:${await freePort(host)}`,
];

beforeAll(async () => {
  cluster = await Cluster.create();
  state = cluster.fresh("edge");
  await start(...(await addresses(OLD)));
  first = edge.at;
  network = (await createNetwork(await client(), "shop")).id;
  token = await tokenOf(network, 3);
  const server = await serve(echo);
  west = await cluster.connector({ site: "west", token, expose: [`api=${server.at}`] });
});
afterEach(({ task }) => {
  if (task.result?.state === "fail") console.error(`${task.name}\n${cluster.logs()}`);
});
afterAll(async () => {
  await closeServers();
  for (const server of forwards) server.close();
  await cluster.close();
});

describe("An edge that is started again", () => {
  it("is at its former addresses without options, and warns of nothing", async () => {
    await restart();
    expect(edge.at).toMatchObject({ api: first.api, gateway: first.gateway, moved: null, former: [] });
    await up(west, first.api);
  });

  it("warns of other addresses with the sites that know the former ones, in its answer and its log", async () => {
    await restart(...(await addresses(NEW)));
    const from = { api: first.api, gateway: first.gateway };
    expect(edge.at).toMatchObject({ moved: { from, sites: ["shop/west"] }, former: [from] });
    expect(edge.at.api).toContain(NEW);
    await edge.process.output("the warning", ({ stderr }) =>
      stderr.includes("The edge has other addresses than at its last start.") ? true : null,
    );
    await restart();
    expect(edge.at).toMatchObject({ moved: null, former: [from] });
  });

  it("serves a site that reaches it by its former address, and a token that was made before", async () => {
    await forward(first.api, edge.at.api);
    await forward(first.gateway, edge.at.gateway);
    await up(west, first.api);
    [east, north] = await Promise.all([
      cluster.connector({ site: "east", token, bind: "127.31.0.0/16" }),
      cluster.connector({ site: "north", token, bind: "127.32.0.0/16" }),
    ]);
    expect([(await east.status()).edge, (await north.status()).edge]).toEqual([first.api, first.api]);
    await expectTraffic("by the former address");
  });
});

/** Exchanges bytes between east and west. */
async function expectTraffic(text: string): Promise<void> {
  const place = await east.listener("api");
  const answer = await eventually("the service answers", () => exchange(place, text));
  expect(answer.toString()).toBe(text);
}

describe("fairlead site move", () => {
  it("changes nothing where no edge answers, or another one", async () => {
    const other = await cluster.edge();
    const before = await identity(west);
    const move = (...words: string[]) => west.fairlead("site", "move", ...words, "--json");
    const dead = `https://${NEW}:${await freePort(NEW)}`;
    expect((await move(dead)).json).toMatchObject({ error: { code: "edge.unreachable" } });
    expect((await move(other.apiUrl)).json).toMatchObject({ error: { code: "edge.untrusted" } });
    // The edge is the right one, and the gateway is another's.
    const mixed = await move(edge.at.api, "--gateway", other.gatewayUrl);
    expect(mixed.json).toMatchObject({ error: { code: "edge.untrusted" } });
    expect((await move("http://127.0.0.1")).json).toMatchObject({ error: { code: "request.invalid" } });
    expect(await identity(west)).toEqual(before);
    expect((await west.status()).edge).toBe(first.api);
    await other.stop();
  });

  it("moves a connector that runs, also once its former address leads nowhere", async () => {
    const before = await identity(west);
    const { api, gateway } = edge.at;
    const moved = await west.fairlead("site", "move", api, "--json");
    expect(moved.json).toEqual({ site: "west", edge: api, gateway, running: true });
    await up(west, api);
    for (const each of forwards) each.close();
    const { stdout } = await east.fairlead("site", "move", api);
    expect(stdout).toContain(`Site "east" now has its edge at ${api}`);
    await up(east, api);
    expect(await identity(west)).toEqual(before);
    await expectTraffic("by the new address");
    await west.restart();
    await up(west, api);
  });

  it("moves a site whose connector is stopped", async () => {
    await east.stop();
    const { api, gateway } = edge.at;
    const moved = await east.fairlead("site", "move", api, "--gateway", gateway);
    expect(moved.stdout).toContain("Start its connector as before");
    await east.restart();
    await up(east, api);
    expect((await cluster.fairlead(["site", "move", api, "--state", cluster.fresh("none")])).status).not.toBe(
      0,
    );
  });
});

describe("A new token", () => {
  it("moves a site of its network, which keeps its key and its name", async () => {
    const before = await identity(north);
    await north.stop();
    const newer = await tokenOf(network);
    const again = await cluster.connector({
      site: "north",
      stateDir: north.stateDir,
      token: [token, newer],
      bind: "127.32.0.0/16",
    });
    await up(again, edge.at.api);
    expect(await identity(again)).toEqual(before);
    await again.stop();
    // The token that the site joined with does not move it back.
    const third = await cluster.connector({
      site: "north",
      stateDir: north.stateDir,
      token: [token, newer],
      bind: "127.32.0.0/16",
    });
    await up(third, edge.at.api);
    await third.stop();
  });

  it("of another network is refused at a site that has joined", async () => {
    const { id } = await createNetwork(await client(), "other");
    const words = connectorArgs({ site: "north", token: await tokenOf(id) }, north.stateDir);
    const { status, json } = await cluster.fairlead(words);
    expect(status).not.toBe(0);
    expect(json).toMatchObject({
      error: { code: "token.wrong_network", message: expect.stringContaining("of network other") },
    });
  });
});
