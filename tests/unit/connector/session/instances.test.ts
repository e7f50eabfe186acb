import { type Duplex, PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
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

/** The boot id of east's process, which the thief copies. */
const BOOT = randomId("boot");

let network: TestNetwork;
let relay: TestRelay;
let registry: TestRegistry;
let west: Connector;
let east: Connector;
let thief: Connector;

/** A service that answers with the name of its owner. */
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

/** The answer of the service of a peer. */
async function ask(from: Connector, to: Connector): Promise<string> {
  const stream = await from.manager.open("api", to.instance);
  stream.end();
  return (await readAll(stream)).toString();
}

describe("two instances with the same boot id", () => {
  it("have one session for each site, and streams reach the requested site", async () => {
    expect(await ask(thief, west)).toBe("west");
    expect(await ask(west, east)).toBe("east");
    expect(await ask(west, thief)).toBe("thief");
    expect(registry.requests).toBe(2);
    const peers = west.manager.sessions().map(({ peer }) => peer.siteName);
    expect(peers.sort()).toEqual(["east", "thief"]);
  });

  it("each get a session of their own, also while the session of the other is requested", async () => {
    const answers = await Promise.all([ask(west, thief), ask(west, east)]);
    expect(answers).toEqual(["thief", "east"]);
  });

  it("do not share a session that one of them left open", async () => {
    await ask(thief, west);
    registry.forget(thief);
    expect(await ask(west, east)).toBe("east");
  });

  it("are each loaded by their own streams", async () => {
    const held = await thief.manager.open("api", west.instance);
    await until(() => west.manager.openStreamsTo(thief.instance) === 1);
    expect(west.manager.openStreamsTo(east.instance)).toBe(0);
    held.destroy();
  });

  it("can have a session with each other, in which the lower site id is the TLS server", async () => {
    expect(await ask(thief, east)).toBe("east");
    expect(await ask(east, thief)).toBe("thief");
    expect(east.manager.sessions()).toHaveLength(1);
  });

  it("cannot impersonate each other, because a session is used only with the site that its certificate proves", async () => {
    // The thief claims east's site on the lane, and the registry believes it.
    const liar = makeConnector(registry, relay, await network.identity(), {
      ...{ name: "east", boot: BOOT, site: east.instance.site, accept: saying("thief") },
    });
    expect(await codeOf(ask(west, liar))).toBe("session.wrong_peer");
    expect(west.manager.sessions()).toEqual([]);
    await liar.manager.close();
  });
});

describe("an invitation to a held session", () => {
  it("does not affect the session when it names another instance", async () => {
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
