import { type Duplex, PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { streamsOf } from "../../../../connector/runtime/streams.ts";
import { randomId, TestNetwork } from "../../../support/authority/certificates.ts";
import {
  type Connector,
  codeOf,
  makeConnector,
  readAll,
  TestRegistry,
  TestRelay,
  until,
} from "../../../support/connector/session-stand.ts";

/** The boot id of east's process, which the thief uses too. */
const BOOT = randomId("boot");

let network: TestNetwork;
let relay: TestRelay;
let registry: TestRegistry;
let west: Connector;
let east: Connector;
let thief: Connector;

/** A service that says whose it is. */
const saying = (name: string) => async (): Promise<Duplex> => {
  const target = new PassThrough();
  target.end(name);
  return target;
};

beforeEach(async () => {
  network ??= await TestNetwork.create();
  relay = await TestRelay.start();
  registry = new TestRegistry();
  const member = async (name: string, boot?: string) =>
    makeConnector(registry, relay, await network.identity(), {
      ...{ name, accept: saying(name) },
      ...(boot === undefined ? {} : { boot }),
    });
  west = await member("west");
  east = await member("east", BOOT);
  thief = await member("thief", BOOT);
});

afterEach(async () => {
  await Promise.all([west, east, thief].map(({ manager }) => manager.close()));
  await relay.stop();
});

/** What the service of a peer answers. */
async function ask(from: Connector, to: Connector): Promise<string> {
  const stream = await from.manager.open("api", to.instance);
  stream.end();
  return (await readAll(stream)).toString();
}

describe("two instances with the same boot id", () => {
  it("of different sites have a session each, and streams go to the site that was asked for", async () => {
    expect(await ask(thief, west)).toBe("west");
    expect(await ask(west, east)).toBe("east");
    expect(await ask(west, thief)).toBe("thief");
    expect(registry.requests).toBe(2);
    const peers = west.manager.sessions().map(({ peer }) => peer.siteName);
    expect(peers.sort()).toEqual(["east", "thief"]);
  });

  it("are asked for a session each, also while the other's is being asked for", async () => {
    const answers = await Promise.all([ask(west, thief), ask(west, east)]);
    expect(answers).toEqual(["thief", "east"]);
  });

  it("do not share a session that one of them leaves open behind it", async () => {
    await ask(thief, west);
    registry.forget(thief);
    expect(await ask(west, east)).toBe("east");
  });

  it("are loaded each by its own streams", async () => {
    const streams = streamsOf(west.manager);
    const held = await thief.manager.open("api", west.instance);
    await until(() => west.manager.openStreamsTo(thief.instance) === 1);
    expect(streams.streamsTo(thief.instance)).toBe(1);
    expect(streams.streamsTo(east.instance)).toBeNull();
    expect(west.manager.openStreamsTo(east.instance)).toBe(0);
    held.destroy();
  });

  it("can have a session with each other, in which the lower site id has the server's part", async () => {
    expect(await ask(thief, east)).toBe("east");
    expect(await ask(east, thief)).toBe("thief");
    expect(east.manager.sessions()).toHaveLength(1);
  });

  it("do not pass for each other: a session is used only with the site that its certificate proves", async () => {
    // What the thief claims on the lane, and what the registry believes, is east's site.
    const liar = makeConnector(registry, relay, await network.identity(), {
      ...{ name: "east", boot: BOOT, site: east.instance.site, accept: saying("thief") },
    });
    expect(await codeOf(ask(west, liar))).toBe("session.wrong_peer");
    expect(west.manager.sessions()).toEqual([]);
    await liar.manager.close();
  });
});

describe("an invitation to a session that is here", () => {
  it("with another instance does not touch the session", async () => {
    await ask(west, east);
    const [session] = west.manager.sessions();
    if (session === undefined) throw new Error("no session");
    for (const generation of [1, 2, 9]) {
      west.manager.offered({
        ...{ session: session.session, generation, lane: 0, encryption: "end-to-end" },
        ...{ peer: thief.instance, ticket: "forged", tickets: ["forged"] },
      });
    }
    expect(west.manager.sessions()).toMatchObject([{ peer: east.instance, generation: 1, state: "up" }]);
    expect(await ask(west, east)).toBe("east");
  });
});
