/**
 * Compatibility with an earlier commit: its state on disk and its program on the wire. tests/system/recorded has the
 * record.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ControlClient } from "../../connector/control/client.ts";
import {
  getQuotas,
  listEvents,
  listKeys,
  listLinks,
  listNetworks,
  listSites,
  listTokens,
} from "../../connector/operator/edge-api.ts";
import {
  openRecord,
  RECORDED_BIND,
  type Recorded,
  recordedSiteArgs,
  runRecorded,
  startRecordedEdge,
} from "../support/edge/record.ts";
import { freePort } from "../support/free-port.ts";
import { Cluster, Connector, Edge, eventually } from "../support/process/cluster.ts";
import { closeServers, dial, echo, exchange, serve } from "../support/traffic/servers.ts";

const COMMIT = "017350e";
/** Ids in the record. */
const NETWORK = "n1t7hp442yy056ghzp4smv9g4w8";
const EAST = "srg0h3bv7ep80tqwy4t2gprf56w";
const WEST = "stx2qx67gmes79nckas6br6ar20";
const SECONDS = { within: 120_000, every: 200 };

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.create();
});
afterEach(({ task }) => {
  if (task.result?.state === "fail") console.error(`${task.name}\n${cluster.logs()}`);
});
afterAll(async () => {
  await closeServers();
  await cluster.close();
});

/** Waits until the listener of west reaches the service of east. */
async function expectTraffic({ listener }: Recorded, text: string): Promise<void> {
  const answer = await eventually("the service answers", () => exchange(listener, text), SECONDS);
  expect(answer.toString()).toBe(text);
}

describe("A recorded deployment", () => {
  let record: Recorded;
  let edge: Edge;

  beforeAll(async () => {
    record = await openRecord(cluster, COMMIT);
    await serve(echo, record.target);
    edge = await Edge.start(cluster, { stateDir: record.edge });
  });

  it("keeps its addresses, networks, keys, quotas, sites, links, tokens and events", async () => {
    const { urls } = JSON.parse(await readFile(`${record.edge}/edge.json`, "utf8"));
    expect([edge.apiUrl, new URL(urls.api).port]).toEqual([urls.api, new URL(edge.localUrl).port]);
    const { client } = edge;
    expect(await listNetworks(client)).toMatchObject([{ id: NETWORK, name: "harbour" }]);
    expect(await listKeys(client)).toMatchObject([{ name: "ci", role: "operator", networks: [NETWORK] }]);
    const { limits } = await getQuotas(client, NETWORK);
    expect(limits).toMatchObject({ sites: 50, tokens: 10 });
    expect(await listSites(client, NETWORK)).toMatchObject([
      { id: EAST, name: "east", state: "down" },
      { name: "gone", state: "revoked" },
      { name: "north", state: "new", mayOffer: ["api"] },
      { id: WEST, name: "west", state: "down" },
    ]);
    expect(await listLinks(client, NETWORK)).toMatchObject([
      { name: "link1", joiner: "east", issuer: "network", cost: 1 },
      { name: "link1", joiner: "west", issuer: "network", cost: 1 },
      { name: "link1", joiner: "gone", issuer: "network", cost: 1 },
      { name: "direct", joiner: "west", issuer: "east", cost: 7 },
    ]);
    expect(await listTokens(client, NETWORK)).toMatchObject([
      { issuer: "network", uses: 3, used: 3, state: "used_up" },
      { issuer: "network", uses: 1, used: 0, state: "good" },
      { issuer: "network", uses: 1, used: 0, state: "good" },
      { issuer: "east", uses: 1, used: 1, state: "used_up" },
    ]);
    const types = (await listEvents(client, NETWORK, {})).map(({ type }) => type);
    expect(types.slice(0, 6)).toEqual([
      ...["network.created", "network.quotas", "token.created", "token.created"],
      ...["site.created", "token.created"],
    ]);
    expect(types.filter((type) => type === "site.joined")).toHaveLength(3);
    expect(types.filter((type) => type === "site.revoked")).toHaveLength(1);
  });

  it("takes its sites back with their ids, offers, links and addresses, and carries their traffic", async () => {
    const [east, west] = await Promise.all(
      (["east", "west"] as const).map((site) =>
        Connector.start(cluster, {
          ...{ site, stateDir: record.sites[site], bind: RECORDED_BIND[site], args: ["--drain", "0s"] },
        }),
      ),
    );
    if (east === undefined || west === undefined)
      throw new Error("The record has no connectors of two sites.");
    expect([(await east.status()).site.id, (await west.status()).site.id]).toEqual([EAST, WEST]);
    await expectTraffic(record, "from the record");
    expect(await west.listener("echo")).toEqual(record.listener);
    await eventually("the links are up", async () => {
      const { links } = await west.control.links();
      expect(links).toMatchObject([
        { name: "direct", issuer: "east", cost: 7, state: "up" },
        { name: "link1", issuer: "network", cost: 1, state: "up" },
      ]);
      return true;
    });
    // East still offers the service for the revoked site alone, and no site sees it.
    const offers = await east.fairlead("service", "status", "--json");
    expect(offers.stdout).toContain('"hidden"');
    expect((await west.control.services()).services.map(({ name }) => name)).toEqual(["echo"]);

    // The recorded key, the token with a use left and the token of the created site are valid.
    const key = (await readFile(record.file("ci.key"), "utf8")).trim();
    const operator = cluster.client({ url: edge.localUrl, key, ca: edge.ca });
    expect(await listTokens(operator, NETWORK)).toHaveLength(4);
    const south = await cluster.connector({
      ...{ site: "south", token: record.file("open.yaml"), bind: "127.44.0.0/16" },
    });
    const place = await south.listener("echo", SECONDS);
    expect((await exchange(place, "new here")).toString()).toBe("new here");
    const north = await cluster.connector({ site: "north", token: record.file("made.yaml") });
    expect((await listSites(edge.client, NETWORK)).find(({ name }) => name === "north")).toMatchObject({
      state: "up",
      mayOffer: ["api"],
    });

    // Both connectors start again from the state directories of this version.
    for (const site of [south, north, east]) await site.stop();
    await west.restart();
    await east.restart();
    await expectTraffic(record, "after another start");
    const socket = await dial(record.listener);
    socket.write("held");
    expect(String((await once(socket, "data"))[0])).toBe("held");
    socket.destroy();
    for (const site of [east, west]) await site.stop();
    await edge.stop();
  });
});

describe("The recorded program", () => {
  it("uses the first of several ports that a connector of today offers", async () => {
    const record = await openRecord(cluster, COMMIT);
    const [first, second] = [await serve(echo), await serve((socket) => void socket.end("second"))];
    const [port, other] = [await freePort(), await freePort()];
    const edge = await Edge.start(cluster, { stateDir: record.edge });
    const east = cluster.run("east of today", [
      ...recordedSiteArgs(record, "east"),
      ...["--expose", `shop:${port}=${first.at},${other}=${second.at}`],
    ]);
    const west = runRecorded(cluster, record, "recorded west", recordedSiteArgs(record, "west"));
    const control = new ControlClient(record.sites.west);
    const place = await eventually(
      "the recorded connector listens",
      async () => {
        const { services } = await control.services();
        const listener = services.find(({ name }) => name === "shop")?.listener;
        const [host = "", at] = listener?.address.split(":") ?? [];
        return listener?.state === "listening" && { host, port: Number(at) };
      },
      SECONDS,
    );
    expect(place.port).toBe(port);
    expect((await exchange(place, "first")).toString()).toBe("first");
    await Promise.all([east.stop(), west.stop()]);
    await edge.stop();
  });

  it("works as a connector with the edge and a connector of today, on either side of a service", async () => {
    for (const [offering, using] of [
      ["recorded", "today"],
      ["today", "recorded"],
    ]) {
      const record = await openRecord(cluster, COMMIT);
      const server = await serve(echo, record.target);
      const edge = await Edge.start(cluster, { stateDir: record.edge });
      const connectors = (["east", "west"] as const).map((site, at) => {
        const words = recordedSiteArgs(record, site);
        return [offering, using][at] === "today"
          ? cluster.run(`${site} of today`, words)
          : runRecorded(cluster, record, `recorded ${site}`, words);
      });
      await expectTraffic(record, `offered by ${offering}, used by ${using}`);
      await Promise.all(connectors.map((each) => each.stop()));
      await edge.stop();
      await server.close();
    }
  });

  it("works as an edge with connectors of today", async () => {
    const record = await openRecord(cluster, COMMIT);
    await serve(echo, record.target);
    const started = await startRecordedEdge(cluster, record);
    const connectors = (["east", "west"] as const).map((site) =>
      cluster.run(site, recordedSiteArgs(record, site)),
    );
    await expectTraffic(record, "through the recorded edge");
    await Promise.all(connectors.map((each) => each.stop()));
    await started.stop();
  });
});
