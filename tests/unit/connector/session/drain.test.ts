import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silent } from "../../../../connector/log.ts";
import { drained } from "../../../../connector/runtime/drain.ts";
import { TestNetwork } from "../../../support/authority/certificates.ts";
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
let west: Connector;
let east: Connector;
const log = silent;

beforeEach(async () => {
  network ??= await TestNetwork.create();
  relay = await TestRelay.start();
  registry = new TestRegistry();
  const accept = async () => new PassThrough();
  west = makeConnector(registry, relay, await network.identity(), { name: "west", accept });
  east = makeConnector(registry, relay, await network.identity(), { name: "east", accept });
});

afterEach(async () => {
  await Promise.all([west.manager.close(), east.manager.close()]);
  await relay.stop();
});

describe("SessionManager.drain", () => {
  it("lets streams finish, then leaves no session", async () => {
    const stream = await west.manager.open("api", east.instance);
    stream.write("before");
    await stream.accepted;
    let over = false;
    const drain = drained(east.manager, 60_000, log).finally(() => {
      over = true;
    });
    await until(() => west.manager.sessions()[0]?.state === "draining");
    stream.write(", after");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(over).toBe(false);
    stream.end();
    expect((await readAll(stream)).toString()).toBe("before, after");
    expect(await drain).toBe(true);
    expect(east.manager.sessions()).toEqual([]);
  });

  it("lets streams continue over new lanes when the old lanes are cut meanwhile", async () => {
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    const drain = drained(east.manager, 60_000, log);
    await until(() => west.manager.sessions()[0]?.state === "draining");
    relay.cut();
    stream.end("still there");
    expect((await readAll(stream)).toString()).toBe("still there");
    expect(await drain).toBe(true);
  });

  it("opens and accepts no streams, and the peer requests another session for its next stream", async () => {
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    const drain = drained(east.manager, 60_000, log);
    await until(() => west.manager.sessions()[0]?.state === "draining");
    expect(await codeOf(east.manager.open("api", west.instance))).toBe("session.closed");
    const before = registry.requests;
    registry.request = async () => {
      registry.requests++;
      throw Object.assign(new Error("not offered any more"), { code: "service.unknown" });
    };
    await codeOf(west.manager.open("api", east.instance));
    expect(registry.requests).toBeGreaterThan(before);
    stream.destroy();
    expect(await drain).toBe(true);
  });

  it("refuses new sessions at once, so that the peer tries another instance", async () => {
    const other = await west.manager.open("api", east.instance);
    await other.accepted;
    const drain = drained(east.manager, 60_000, log);
    const north = makeConnector(registry, relay, await network.identity(), { name: "north" });
    using served = new ServedClock();
    expect(await codeOf(north.manager.open("api", east.instance))).toBe("session.unknown");
    expect(served.ms).toBeLessThan(1000);
    expect(registry.ended).toContainEqual(expect.objectContaining({ by: "east", code: "session.unknown" }));
    await north.manager.close();
    other.destroy();
    expect(await drain).toBe(true);
  });

  it("refuses an OPEN that crossed GOAWAY with service.draining, so that the peer tries another instance", async () => {
    const first = await west.manager.open("api", east.instance);
    await first.accepted;
    const drain = drained(east.manager, 60_000, log);
    // GOAWAY has not reached the peer yet.
    const crossing = await west.manager.open("api", east.instance);
    crossing.write("early");
    expect(await codeOf(crossing.accepted)).toBe("service.draining");
    first.destroy();
    expect(await drain).toBe(true);
  });

  it("resets streams that do not finish in time with session.closed", async () => {
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    expect(await drained(east.manager, 50, log)).toBe(false);
    expect(east.manager.streams).toBe(1);
    await east.manager.close();
    await until(() => stream.destroyed);
    expect(stream.errored).toMatchObject({ code: "session.closed" });
  });

  it("resolves at once without streams", async () => {
    expect(await drained(west.manager, 60_000, log)).toBe(true);
    const stream = await east.manager.open("api", west.instance).catch(() => null);
    expect(stream).toBeNull();
  });
});
