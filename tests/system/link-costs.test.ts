/** Link costs decide which of several sites serves a client. Link states follow the uplinks of both ends. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Stopwatch, tableOf } from "../support/clock/stopwatch.ts";
import { linkOf, Members } from "../support/connector/members.ts";
import { type Connector, eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { dial, type Place, serve, type TestServer } from "../support/traffic/servers.ts";

const suite = useEdge();
let members: Members;
let near: Connector;
let behind: Connector;
let far: Connector;
let client: Connector;
let place: Place;
const held: Socket[] = [];

/** Starts a service that sends the name of its site and keeps connections open, on the same port at every site. */
async function serviceOf(site: string, host: string, port?: number): Promise<TestServer> {
  const answer = (socket: Socket) => {
    socket.write(site);
    socket.on("end", () => socket.end());
  };
  return await serve(answer, { host, ...(port === undefined ? {} : { port }) });
}

/*
 * client ──1── near ──2── behind
 *    └─────6───── far
 */
beforeAll(async () => {
  members = await Members.create(suite);
  const first = await serviceOf("near", "127.3.0.11");
  const second = await serviceOf("behind", "127.3.0.12", first.port);
  const third = await serviceOf("far", "127.3.0.13", first.port);
  [near, behind, far, client] = await Promise.all([
    members.site("near", { expose: [`api=${first.at}`] }),
    members.site("behind", { expose: [`api=${second.at}`] }),
    members.site("far", { expose: [`api=${third.at}`] }),
    members.site("client", { bind: "127.71.0.0/16" }),
  ]);
  await members.link(client, "near", { cost: 1 });
  await members.link(client, "far", { cost: 6 });
  await members.link(behind, "near", { cost: 2 });
  place = await client.listener("api");
  await servedBy("near", "behind", "far");
});
afterEach(() => release());

/** Waits until exactly these sites offer the service at the client. */
async function servedBy(...sites: readonly string[]): Promise<void> {
  await eventually(`${sites} offer it`, async () => {
    const { services } = await client.control.services();
    return services[0]?.sites.join() === [...sites].sort().join();
  });
}

/** Opens a connection and keeps it. Returns the site that serves it. */
async function open(): Promise<string> {
  const socket = await dial(place);
  held.push(socket);
  return String((await once(socket, "data"))[0]);
}

async function openMany(count: number): Promise<string[]> {
  const served: string[] = [];
  for (let opened = 0; opened < count; opened++) served.push(await open());
  return served;
}

/** Closes all connections and waits until the connector has no stream. */
async function release(): Promise<void> {
  for (const socket of held.splice(0)) socket.destroy();
  await eventually("no stream is open", async () =>
    (await client.control.sessions()).sessions.every(({ streams }) => streams === 0),
  );
}

describe("The choice among sites that offer a service", () => {
  it("prefers the lowest cost until its streams outweigh the difference to the next site", async () => {
    // Cost 1 and n streams against 1 + 2, the sum of the links on the path.
    expect(await openMany(3)).toEqual(["near", "near", "near"]);
    expect(await openMany(4)).toEqual(["behind", "near", "behind", "near"]);
    expect(await openMany(3)).toEqual(["behind", "near", "behind"]);
    // All three sites have the same sum now, and take turns.
    expect(await openMany(6)).toEqual(["far", "near", "behind", "far", "near", "behind"]);
    await release();
    expect(await open()).toBe("near");
  });

  it("falls back to the next site when the cheapest withdraws, and drops sites behind a deleted link", async () => {
    await near.fairlead("unexpose", "api");
    await servedBy("behind", "far");
    expect(await openMany(2)).toEqual(["behind", "behind"]);
    await release();
    await client.control.unlink("link1");
    await servedBy("far");
    expect(await openMany(2)).toEqual(["far", "far"]);
  });

  it("takes a cheaper path as soon as it is up", async () => {
    const name = await members.link(client, "behind", { cost: 1 });
    expect(name).toBe("link1");
    await servedBy("behind", "far");
    expect(await openMany(2)).toEqual(["behind", "behind"]);
  });
});

describe("The state of a link", () => {
  const rows = new Map<string, ReadonlyMap<string, number>>();
  const COLUMNS = ["the operator sees it", "the other end sees it"];
  /** An uplink that ends is seen at once. One that falls silent is lost after 45 s, which is not waited for. */
  const SOON = 40_000;
  /** For a start. */
  const PATIENCE = 120_000;

  /** Measures the time until the operator and the other end see the link to far in the wanted state. */
  async function seen(what: string, state: "up" | "down", act: () => Promise<unknown>): Promise<void> {
    const clock = new Stopwatch();
    const operator = eventually(
      `the operator sees it ${state}`,
      async () => {
        const { links, sites } = await members.network.status();
        const link = links.find(({ issuer }) => issuer === "far");
        return link?.state === state && sites.find(({ name }) => name === "far")?.state === state;
      },
      { every: 10, within: state === "down" ? SOON : PATIENCE },
    );
    const other = linkOf(client, "link2", (link) => link.state === state);
    clock.start();
    await act();
    await Promise.all([clock.when(COLUMNS[0] ?? "", operator), clock.when(COLUMNS[1] ?? "", other)]);
    rows.set(what, clock.times);
  }

  it("follows the uplinks when a connector is killed, restarts and stops", async () => {
    await seen("a connector is killed", "down", () => far.kill9());
    expect(await linkOf(client, "link2", () => true)).toMatchObject({ code: "session.peer_offline" });
    await seen("it is restarted, with the time of its start", "up", () => far.restart());
    await seen("it is stopped", "down", () => far.stop());
    console.log(`from there until …\n${tableOf(COLUMNS, rows)}`);
  });
});
