/** Hop encryption, which both connectors must allow, beside sessions with end-to-end encryption. */
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import type { Connector } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { dial, echo, exchange, fate, serve } from "../support/traffic/servers.ts";

const suite = useEdge();
let east: Connector;
let west: Connector;
let north: Connector;

beforeAll(async () => {
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 3 });
  const server = await serve(echo);
  const expose = [`video=${server.at}`, `api=${server.at}`];
  [east, west, north] = await Promise.all([
    suite.cluster.connector({ site: "east", token, expose, args: ["--hop", "video"] }),
    suite.cluster.connector({ site: "west", token, bind: "127.2.0.0/16", args: ["--allow-hop", "video"] }),
    suite.cluster.connector({ site: "north", token, bind: "127.4.0.0/16" }),
  ]);
});

const modes = async (site: Connector) =>
  (await site.status()).sessions.map(({ peer, encryption }) => `${peer} ${encryption}`).sort();

describe("A service with hop encryption", () => {
  it("has its own session beside the end-to-end session, and status shows both", async () => {
    for (const service of ["video", "api"]) {
      expect((await exchange(await west.listener(service), service)).toString()).toBe(service);
    }
    expect(await modes(west)).toEqual(["east end-to-end", "east hop"]);
    expect(await modes(east)).toEqual(["west end-to-end", "west hop"]);
    expect((await west.fairlead("status")).stdout).toContain("1 with hop encryption");
    expect((await west.fairlead("service", "status")).stdout).toMatch(/video .*tcp, hop/);
    expect((await east.fairlead("service", "status")).stdout).toMatch(/video .*tcp, hop/);
  });

  it("is refused by a site that does not allow it: its clients are reset with service.hop_not_allowed", async () => {
    expect(await fate(await north.listener("video"))).toBe("ECONNRESET");
    await north.logged({ code: "service.hop_not_allowed", service: "video" });
    expect((await north.fairlead("service", "status")).stdout).toContain("service.hop_not_allowed");
    expect((await exchange(await north.listener("api"), "api")).toString()).toBe("api");
    expect(await modes(north)).toEqual(["east end-to-end"]);
  });

  it("keeps its streams across kill -9 and restart of the edge", async () => {
    const session = async () =>
      (await west.status()).sessions.find(({ encryption }) => encryption === "hop")?.id;
    const client = await dial(await west.listener("video"));
    client.write("before");
    expect(String((await once(client, "data"))[0])).toBe("before");
    const before = await session();
    await suite.edge.kill9();
    await suite.edge.restart();
    client.end("after");
    expect((await buffer(client)).toString()).toBe("after");
    expect(await session()).toBe(before);
  });
});
