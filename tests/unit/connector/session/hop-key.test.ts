/** Sessions with hop encryption: without TLS between the connectors, which both connectors must allow. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type Duplex, PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hopResumeKey } from "../../../../connector/session/hop-key.ts";
import type { Invitation } from "../../../../protocol/uplink/messages.ts";
import { randomId, TestNetwork } from "../../../support/authority/certificates.ts";
import { ServedClock } from "../../../support/clock/served-clock.ts";
import {
  type Connector,
  codeOf,
  makeConnector,
  readAll,
  TestRegistry,
  TestRelay,
  until,
} from "../../../support/connector/session-stand.ts";

let network: TestNetwork;
let relay: TestRelay;
let registry: TestRegistry;
const connectors: Connector[] = [];
type Options = Parameters<typeof makeConnector>[3];

beforeEach(async () => {
  network ??= await TestNetwork.create();
  relay = await TestRelay.start();
  registry = new TestRegistry();
});

afterEach(async () => {
  await Promise.all(connectors.splice(0).map(({ manager }) => manager.close()));
  await relay.stop();
});

async function pair(options: { west?: Options; east?: Options } = {}) {
  const accept = async (): Promise<Duplex> => new PassThrough();
  const make = async (name: string, more: Options = {}) => {
    const connector = makeConnector(registry, relay, await network.identity(), {
      ...{ name, accept, hop: true },
      ...more,
    });
    connectors.push(connector);
    return connector;
  };
  return { west: await make("west", options.west), east: await make("east", options.east) };
}

/** Collects the bytes that the relay sees until the end of the test. */
function tap(): () => string {
  const seen: Buffer[] = [];
  relay.alter = (data) => {
    seen.push(data);
    return data;
  };
  return () => Buffer.concat(seen).toString("latin1");
}

describe("a session with hop encryption", () => {
  it("is readable for the relay, unlike a session with end-to-end encryption beside it", async () => {
    const { west, east } = await pair();
    const seen = tap();
    const hop = await west.manager.open("video", east.instance, { encryption: "hop" });
    hop.end("for the relay to read");
    expect((await readAll(hop)).toString()).toBe("for the relay to read");
    const closed = await west.manager.open("api", east.instance);
    closed.end("not for the relay");
    expect((await readAll(closed)).toString()).toBe("not for the relay");
    expect(seen()).toContain("for the relay to read");
    expect(seen()).not.toContain("not for the relay");
    const modes = (one: Connector) => one.manager.sessions().map(({ encryption }) => encryption);
    expect(modes(west)).toEqual(["hop", "end-to-end"]);
    expect(modes(east)).toEqual(["hop", "end-to-end"]);
  });

  it("reports the encryption mode of each stream to the acceptor", async () => {
    const modes: string[] = [];
    const accept = async (_: Duplex, { encryption }: { encryption: string }): Promise<Duplex> => {
      modes.push(encryption);
      return new PassThrough();
    };
    const { west, east } = await pair({ east: { accept } });
    await (await west.manager.open("video", east.instance, { encryption: "hop" })).accepted;
    await (await west.manager.open("api", east.instance)).accepted;
    expect(modes).toEqual(["hop", "end-to-end"]);
  });

  it("continues over another lane, and closes on both sides", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("video", east.instance, { encryption: "hop" });
    stream.write("before");
    await once(stream, "data");
    relay.cut();
    stream.end("after");
    expect((await readAll(stream)).toString()).toBe("after");
    expect(west.manager.sessions()).toMatchObject([{ generation: 2, encryption: "hop" }]);
    await west.manager.close();
    await until(() => east.manager.sessions().length === 0);
  });

  it("loses no byte of a large transfer while lanes are cut", async () => {
    const { west, east } = await pair();
    const data = randomBytes(12_000_000);
    const stream = await west.manager.open("video", east.instance, { encryption: "hop" });
    const answer = readAll(stream);
    // Not for ever: a machine that is too busy to join a lane between two cuts would carry nothing.
    let cuts = 0;
    const cutting = setInterval(() => {
      if (cuts++ < 30) relay.cut();
    }, 60);
    for (let at = 0; at < data.length; at += 99_991) {
      if (!stream.write(data.subarray(at, at + 99_991))) await once(stream, "drain");
      if (at % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    stream.end();
    clearInterval(cutting);
    expect((await answer).equals(data)).toBe(true);
    expect(west.manager.sessions()[0]?.generation).toBeGreaterThan(1);
    expect(registry.requests).toBe(1);
  });

  it("refuses a lane whose proof was made with another resume key", async () => {
    const { west, east } = await pair({ west: { limits: { sessionTimeoutMs: 300 } } });
    const stream = await west.manager.open("video", east.instance, { encryption: "hop" });
    await stream.accepted;
    relay.alterText = (text) => {
      const { proof, ...rest } = JSON.parse(text);
      return JSON.stringify({ ...rest, ...(proof === undefined ? {} : { proof: "A".repeat(43) }) });
    };
    relay.cut();
    const [error] = await once(stream, "error");
    expect(error).toMatchObject({ code: "session.timeout" });
  });

  it("derives the same resume key on both sides from both shares", () => {
    const [a, b] = ["A".repeat(43), `${"B".repeat(42)}A`];
    const key = hopResumeKey("x1", "server", a, b);
    expect(hopResumeKey("x1", "client", b, a)).toEqual(key);
    expect(hopResumeKey("x1", "server", b, a)).not.toEqual(key);
    expect(hopResumeKey("x2", "server", a, b)).not.toEqual(key);
    expect(() => hopResumeKey("x1", "server", a, undefined)).toThrow(
      expect.objectContaining({ code: "session.malformed" }),
    );
  });
});

describe("an edge that tries to impose hop encryption", () => {
  it("is refused by the offered connector if that does not allow it, and the requester is notified at once", async () => {
    const { west, east } = await pair({ east: { hop: false } });
    using served = new ServedClock();
    expect(await codeOf(west.manager.open("video", east.instance, { encryption: "hop" }))).toBe(
      "session.forbidden",
    );
    expect(served.ms).toBeLessThan(2000);
    expect(registry.ended).toContainEqual(expect.objectContaining({ code: "session.forbidden", by: "east" }));
    expect(east.manager.sessions()).toEqual([]);
    expect(relay.lanes).toBeLessThan(2);
  });

  it("is refused by a requester of end-to-end encryption", async () => {
    for (const hop of [true, false]) {
      const { west, east } = await pair({ west: { hop } });
      registry.alterGrant = (invitation) => ({ ...invitation, encryption: "hop" });
      expect(await codeOf(west.manager.open("api", east.instance))).toBe("session.forbidden");
      expect(west.manager.sessions()).toEqual([]);
    }
  });

  it("is refused for new lanes of an end-to-end session", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    stream.write("still");
    await once(stream, "data");
    registry.intercept = (peer, offer) => peer.manager.offered({ ...offer, encryption: "hop" });
    relay.cut();
    await until(() => registry.resumes > 0);
    expect(east.manager.sessions()).toMatchObject([{ encryption: "end-to-end" }]);
    registry.intercept = null;
    stream.destroy();
  });

  it("is refused for a session that nobody requested", async () => {
    const { west, east } = await pair({ west: { hop: false } });
    const invitation: Invitation = {
      ...{ session: randomId("session"), generation: 1, lane: 0, peer: east.instance, ticket: "t" },
      ...{ tickets: ["t"], encryption: "hop" },
    };
    west.manager.offered(invitation);
    expect(west.manager.sessions()).toEqual([]);
    expect(registry.ended).toMatchObject([{ session: invitation.session, code: "session.forbidden" }]);
  });

  it("opens no session when it names different modes to the two sides", async () => {
    const { west, east } = await pair();
    registry.intercept = (peer, offer) => peer.manager.offered({ ...offer, encryption: "hop" });
    const seen = tap();
    const code = await codeOf(
      west.manager.open("api", east.instance).then(async (stream) => {
        stream.write("secret");
        await stream.accepted;
      }),
    );
    expect(code).not.toBe("resolved");
    expect(seen()).not.toContain("secret");
  });
});
