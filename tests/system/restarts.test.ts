/** Edges and connectors that are killed and come back; and those that take their leave. */
import { beforeAll, describe, expect, test } from "vitest";
import {
  createKey,
  listEvents,
  listKeys,
  listNetworks,
  listTokens,
} from "../../connector/operator/edge-api.ts";
import { boundOf, timeOf } from "../support/clock/bound.ts";
import { type Connector, eventually, type TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { echo, exchange, serve } from "../support/traffic/servers.ts";

/** A peer that was killed may leave a stream to be resumed; nobody here waits half a minute for it. */
const DRAIN = ["--drain", "3s"];

const suite = useEdge();
let network: TestNetwork;
let east: Connector;
let west: Connector;

/** New connections must work again within this, ms. Waits of the backoff are part of it. */
const PROMISE_MS = 15_000;
/** The same on a machine where it takes so long to start something, ms. */
const boundAfter = (starting: number) => Math.max(PROMISE_MS, 5 * starting);

beforeAll(async () => {
  network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  const server = await serve(echo);
  [east, west] = await Promise.all([
    suite.cluster.connector({ site: "east", token, expose: [`echo=${server.at}`], args: DRAIN }),
    suite.cluster.connector({ site: "west", token, bind: "127.2.0.0/16", args: DRAIN }),
  ]);
  await use();
});

/** Uses the service from west. */
async function use(): Promise<void> {
  const answer = await exchange(await west.listener("echo"), "are you there?");
  expect(answer.toString()).toBe("are you there?");
}

/** Starts both connectors anew, so that their backoff is at its beginning after earlier outages. */
const renewProcesses = () => Promise.all([east.restart(), west.restart()]);

const siteState = async (name: string) =>
  (await network.status()).sites.find((site) => site.name === name)?.state;

describe("the edge", () => {
  test("killed with -9 and started again has everything it knew, and the sites come back by themselves", async () => {
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
    await eventually("west notices", async () => (await west.status()).uplink.state !== "up");
    const within = boundAfter(await timeOf(() => suite.edge.restart()));
    const took = await timeOf(() => eventually("west uses the service", () => use().then(() => true)));
    expect(took).toBeLessThan(within);
    for (const site of [east, west]) expect((await site.status()).uplink.state).toBe("up");
    expect(await remembered()).toEqual(before);

    // What it issued before still counts.
    const north = await suite.cluster.connector({ site: "north", token, bind: "127.4.0.0/16" });
    expect((await exchange(await north.listener("echo"), "new here")).toString()).toBe("new here");
    await north.stop();
  });

  test("stopped in order and started again is the same as well", async () => {
    await renewProcesses();
    await suite.edge.restart();
    await eventually("west uses the service", () => use().then(() => true));
  });

  test("that is away takes no listener and no service away", async () => {
    await renewProcesses();
    const place = await west.listener("echo");
    await suite.edge.kill9();
    await eventually("west notices", async () => (await west.status()).uplink.state !== "up");
    expect(await west.listener("echo")).toEqual(place);
    // A client that comes now is held until the edge is back.
    const answer = exchange(place, "patience");
    await suite.edge.restart();
    expect((await answer).toString()).toBe("patience");
  });
});

describe("a connector", () => {
  test("that offers a service, killed with -9, is missed, and serves again as soon as it is back", async () => {
    await east.kill9();
    await eventually("the registry notices", async () => (await siteState("east")) === "down");
    await east.restart();
    await eventually("west uses the service", () => use().then(() => true));
    expect(await siteState("east")).toBe("up");
  });

  test("with clients, killed with -9, has its listeners again at the same addresses", async () => {
    const place = await west.listener("echo");
    await west.kill9();
    await west.restart();
    expect(await west.listener("echo")).toEqual(place);
    await use();
  });

  test("that is asked to end takes its services with it at once, and ends with status 0", async () => {
    const within = await boundOf(2000, { times: 50, control: () => network.status() });
    const leaving = east.process.stop(120_000, "SIGTERM");
    await west.without("echo", { within });
    expect(await leaving).toEqual({ status: 0, signal: null });
    await eventually("the registry notices", async () => (await siteState("east")) === "down", { within });
    await east.restart();
    await eventually("west uses the service", () => use().then(() => true));
  });
});
