/** Edges and connectors that are killed or stopped, and start again. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import {
  createKey,
  listEvents,
  listKeys,
  listNetworks,
  listTokens,
} from "../../connector/operator/edge-api.ts";
import { startEchoPair } from "../support/connector/echo-pair.ts";
import { type Connector, eventually, type TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { dial, exchange, type Place } from "../support/traffic/servers.ts";

/** Drain time below the default, because a killed peer may leave a stream that waits to be resumed. */
const DRAIN = ["--drain", "3s"];

const suite = useEdge();
let network: TestNetwork;
let east: Connector;
let west: Connector;

beforeAll(async () => {
  ({ network, east, west } = await startEchoPair(suite, { args: DRAIN }));
  await use();
});

/** Uses the service from west. */
async function use(): Promise<void> {
  const answer = await exchange(await west.listener("echo"), "are you there?");
  expect(answer.toString()).toBe("are you there?");
}

/** Opens a connection to the service. */
async function open(place: Place): Promise<Socket> {
  const socket = await dial(place);
  socket.write("hello");
  await once(socket, "data");
  return socket;
}

/** Restarts both connectors, so that their backoff begins anew after earlier outages. */
const renewProcesses = () => Promise.all([east.restart(), west.restart()]);

const siteState = async (name: string) =>
  (await network.status()).sites.find((site) => site.name === name)?.state;

describe("The edge", () => {
  it("has all its data again after kill -9, and the sites reconnect by themselves", async () => {
    const { client } = suite.edge;
    const key = await createKey(client, { name: "ci", role: "viewer" });
    const token = await network.token();
    const remembered = async () => ({
      networks: await listNetworks(client),
      tokens: await listTokens(client, network.id),
      keys: await listKeys(client),
      sites: (await network.status()).sites.map(({ id, name, services }) => ({ id, name, services })),
      joined: await listEvents(client, network.id, { type: "site.joined" }),
    });
    const before = await remembered();
    expect(before.keys.map(({ id }) => id)).toContain(key.id);

    await suite.edge.kill9();
    await eventually("west loses its uplink", async () => (await west.status()).uplink.state !== "up");
    await suite.edge.restart();
    await eventually("west uses the service", () => use().then(() => true));
    for (const site of [east, west]) expect((await site.status()).uplink.state).toBe("up");
    expect(await remembered()).toEqual(before);

    // A token from before is still valid.
    const north = await suite.cluster.connector({ site: "north", token, bind: "127.4.0.0/16" });
    expect((await exchange(await north.listener("echo"), "new here")).toString()).toBe("new here");
    await north.stop();
  });

  it("serves its sites again after an orderly restart", async () => {
    await renewProcesses();
    await suite.edge.restart();
    await eventually("west uses the service", () => use().then(() => true));
  });

  it("leaves listeners and services in place while it is down", async () => {
    const answers: (string | null)[] = [];
    // A new client is held until the edge is back: for ten seconds, after which a slow machine gets another try.
    while (answers.at(-1) !== "patience" && answers.length < 5) {
      await renewProcesses();
      const place = await west.listener("echo");
      await suite.edge.kill9();
      await eventually("west loses its uplink", async () => (await west.status()).uplink.state !== "up");
      expect(await west.listener("echo")).toEqual(place);
      const answer = exchange(place, "patience").then(String, () => null);
      await suite.edge.restart();
      answers.push(await answer);
    }
    expect(answers).toContain("patience");
  });
});

describe("A connector", () => {
  it("is shown as down after kill -9, and serves again after its restart", async () => {
    await east.kill9();
    await eventually("the registry notices", async () => (await siteState("east")) === "down");
    await east.restart();
    await eventually("west uses the service", () => use().then(() => true));
    expect(await siteState("east")).toBe("up");
  });

  it("has its listeners at the same addresses again after kill -9", async () => {
    const place = await west.listener("echo");
    await west.kill9();
    await west.restart();
    expect(await west.listener("echo")).toEqual(place);
    await use();
  });

  it("withdraws its services on SIGTERM while it drains, and exits with status 0", async () => {
    await east.restart({ args: ["--drain", "10m"] });
    const place = await west.listener("echo");
    const socket = await eventually("a connection", () => open(place));
    const leaving = east.process.stop(120_000, "SIGTERM");
    await west.without("echo");
    expect(east.process.exit).toBeNull();
    socket.end();
    await once(socket.resume(), "end");
    expect(await leaving).toEqual({ status: 0, signal: null });
    await eventually("the registry notices", async () => (await siteState("east")) === "down");
    await east.restart();
    await eventually("west uses the service", () => use().then(() => true));
  });
});
