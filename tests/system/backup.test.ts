/**
 * Backup and restore of an edge that is lost with its disk. The restored edge has another state directory and the same
 * addresses. Nobody touches the connectors: they reconnect by themselves.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { createKey, listEvents, listKeys, listLinks, listTokens } from "../../connector/operator/edge-api.ts";
import { startEchoPair } from "../support/connector/echo-pair.ts";
import { type Connector, Edge, eventually, type TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { dial, exchange } from "../support/traffic/servers.ts";

const suite = useEdge();
let network: TestNetwork;
let east: Connector;
let west: Connector;
let file: string;

const SECONDS = { within: 120_000 };

beforeAll(async () => {
  ({ network, east, west } = await startEchoPair(suite));
  file = suite.cluster.fresh("backup");
  await use("before");
});

async function use(text: string): Promise<void> {
  expect((await exchange(await west.listener("echo"), text)).toString()).toBe(text);
}

/** The records of an edge that a restore must bring back. */
async function remembered(edge: Edge) {
  const { client } = edge;
  return {
    keys: (await listKeys(client)).map(({ id, name, role }) => ({ id, name, role })),
    tokens: await listTokens(client, network.id),
    links: (await listLinks(client, network.id)).map(({ id, name, joiner, issuer }) => ({
      id,
      name,
      joiner,
      issuer,
    })),
    joined: await listEvents(client, network.id, { type: "site.joined" }),
  };
}

describe("fairlead edge restore", () => {
  it("restores a lost edge from one file, and its sites reconnect by themselves and carry streams", async () => {
    const { cluster, edge } = suite;
    const key = await createKey(edge.client, { name: "ci", role: "viewer" });
    const unused = await network.token();
    const made = await edge.fairlead("edge", "backup", "-o", file, "--state", edge.stateDir, "--json");
    expect(made.json, made.stderr).toMatchObject({ networks: [network.name], sealed: false });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const before = await remembered(edge);
    const open = await dial(await west.listener("echo"));
    open.write("held");
    expect(String((await once(open, "data"))[0])).toBe("held");
    const ended = new Promise((resolve) => open.once("close", resolve));
    open.on("error", () => {});

    // The edge loses its machine and its disk.
    await edge.kill9();
    await rm(edge.stateDir, { recursive: true, force: true });
    await eventually("west loses its uplink", async () => (await west.status()).uplink.state !== "up");

    const state = cluster.fresh("restored");
    const restored = await cluster.fairlead(["edge", "restore", file, "--state", state, "--json"]);
    expect(restored.json, restored.stderr).toMatchObject({ state, networks: [network.name] });
    expect((await readdir(state)).sort()).toEqual([
      ...["admin-key", "ca-key.pem", "ca.pem", "edge.json", "lock", "objects"],
    ]);

    const again = await Edge.start(cluster, { stateDir: state });
    expect([again.apiUrl, again.gatewayUrl]).toEqual([edge.apiUrl, edge.gatewayUrl]);
    await eventually("west uses the service", () => use("after").then(() => true), SECONDS);
    for (const site of [east, west]) expect((await site.status()).uplink.state).toBe("up");
    // A backup has no sessions: the open stream is reset, and does not hang.
    await ended;
    expect(await remembered(again)).toEqual(before);
    expect(await listEvents(again.client, network.id, { type: "network.restored" })).toHaveLength(1);

    // The key and the unused token from before the loss are still valid.
    const viewer = cluster.client({ url: again.localUrl, key: key.key, ca: again.ca });
    expect(await listTokens(viewer, network.id)).toHaveLength(before.tokens.length);
    const north = await cluster.connector({ site: "north", token: unused, bind: "127.4.0.0/16" });
    expect((await exchange(await north.listener("echo"), "new here")).toString()).toBe("new here");
    await north.stop();
    await again.stop();
  });

  it("refuses an altered file and a state directory in use, and writes nothing", async () => {
    const { cluster } = suite;
    const state = cluster.fresh("refused");
    const restore = (path: string) => cluster.fairlead(["edge", "restore", path, "--state", state, "--json"]);
    const altered = cluster.fresh("altered");
    await writeFile(altered, (await readFile(file, "utf8")).replace(network.name, "another"));
    expect((await restore(altered)).json).toMatchObject({ error: { code: "backup.malformed" } });
    await expect(stat(state)).rejects.toThrow();
    expect((await restore(file)).status).toBe(0);
    const hash = async () =>
      createHash("sha256")
        .update(await readFile(`${state}/edge.json`))
        .digest("hex");
    const was = await hash();
    const second = await restore(file);
    expect(second.json).toMatchObject({ error: { code: "backup.not_empty" } });
    expect(second.status).toBe(5);
    expect(await hash()).toBe(was);
  });
});
