/** Targets and names that do not answer, over a real session. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type Exposure,
  firstPort,
  parseExpose,
  type TargetHost,
} from "../../../../connector/config/service-options.ts";
import { silent } from "../../../../connector/log.ts";
import { NameResolver } from "../../../../connector/net/name-resolver.ts";
import { Offers } from "../../../../connector/targets/offers.ts";
import {
  type PoolPort,
  TargetPool,
  type TargetPoolOptions,
} from "../../../../connector/targets/target-pool.ts";
import { TargetStreams } from "../../../../connector/targets/target-streams.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { TestNetwork } from "../../../support/authority/certificates.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import {
  type Connector,
  codeOf,
  makeConnector,
  TestRegistry,
  TestRelay,
} from "../../../support/connector/session-stand.ts";
import { tcpServers, testRelay } from "../../../support/connector/test-relay.ts";
import { freePort } from "../../../support/free-port.ts";
import { temporaryState } from "../../../support/process/directories.ts";
import { dnsServer } from "../../../support/traffic/dns-server.ts";
import { countConnections, silentPort, tcpServer } from "../../../support/traffic/sockets.ts";

const network = await TestNetwork.create();
let relay: TestRelay;
let connectors: Connector[];

beforeEach(async () => {
  relay = await TestRelay.start();
  connectors = [];
});
afterEach(async () => {
  await Promise.all(connectors.map(({ manager }) => manager.close()));
  await relay.stop();
});

/** An owner of `stuck`, whose target does not answer, and of `good`, and a peer. */
async function setUp() {
  const targets = new Set<object>();
  const { port } = await tcpServer((socket) => {
    targets.add(socket);
    socket.pipe(socket).on("close", () => targets.delete(socket));
  });
  const stuck = await silentPort();
  const expose = [parseExpose(`stuck=${stuck}`), parseExpose(`good=${port}`)];
  const flows = testRelay();
  const targetStreams = new TargetStreams({
    offers: await Offers.load(await temporaryState(), expose),
    ...{ servers: tcpServers(flows), relay: flows, log: silent },
  });
  const registry = new TestRegistry();
  const make = async (name: string) => {
    const connector = makeConnector(registry, relay, await network.identity(), {
      ...{ name, opened: (stream, origin) => void targetStreams.serve(stream, origin) },
    });
    connectors.push(connector);
    return connector;
  };
  const [owner, peer] = [await make("owner"), await make("peer")];
  const first = await peer.manager.open("good", owner.instance);
  await first.accepted;
  first.destroy();
  await eventually("the stream is gone", () => owner.manager.streams === 0);
  await eventually("its target is gone", () => targets.size === 0);
  return { owner, peer, dials: countConnections() };
}

/** A pool, and a way to connect with one port that has these targets. */
function poolOf(targets: readonly TargetHost[], options: TargetPoolOptions = {}) {
  const pool = new TargetPool(options);
  const web: PoolPort = { name: "web", port: { targets, protocol: "tcp" } };
  const use = { site: "site-west", hops: 0, signal: new AbortController().signal };
  return { pool, web, use, connect: () => pool.connect(web, use) };
}

/** A server that says its name, at an address of its own. */
async function namedServer(host: string, port = 0) {
  return await tcpServer((socket) => socket.write(host), { host, port });
}

describe("TargetPool, with several targets,", () => {
  it("gives each as many connections, and those that close to others", async () => {
    const servers = await Promise.all(
      ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map((host) => namedServer(host)),
    );
    const targets = servers.map(({ port }, at) => ({ host: `127.0.0.${at + 1}`, port }));
    const { connect } = poolOf(targets);
    const connections = [];
    for (let count = 0; count < 30; count++) connections.push(await connect());
    const byHost = Map.groupBy(connections, ({ target }) => target.host);
    expect([...byHost.values()].map(({ length }) => length)).toEqual([10, 10, 10]);
    const freed = byHost.get("127.0.0.2") ?? [];
    await Promise.all(
      freed.map(({ socket }) => new Promise((resolve) => socket.destroy().once("close", resolve))),
    );
    for (let count = 0; count < 10; count++) {
      const { socket, target } = await connect();
      expect(target.host).toBe("127.0.0.2");
      connections.push({ socket, target });
    }
    for (const { socket } of connections) socket.destroy();
  });

  it("goes to the next target when one refuses, and avoids the one that refused", async () => {
    const dead = await freePort();
    const { port } = await namedServer("127.0.0.2");
    const { pool, web, connect } = poolOf(
      [
        { host: "127.0.0.1", port: dead },
        { host: "127.0.0.2", port },
      ],
      { random: () => 0 },
    );
    for (let count = 0; count < 20; count++) {
      const { socket, target } = await connect();
      expect(target.host).toBe("127.0.0.2");
      socket.destroy();
    }
    expect(pool.group(web).endpoints.map(({ isSound }) => isSound)).toEqual([false, true]);
    expect(pool.group(web).isUp).toBe(true);
  });

  it("waits a short time for a silent target while there is another", async () => {
    const { port } = await namedServer("127.0.0.2");
    const targets = [
      { host: "127.0.0.1", port: await silentPort() },
      { host: "127.0.0.2", port },
    ];
    const { connect } = poolOf(targets, { random: () => 0, timeoutMs: 60_000 });
    const { target, socket } = await connect();
    expect(target.host).toBe("127.0.0.2");
    socket.destroy();
  });

  it("throws the failure of the last target when all refuse, and tries all that are down", async () => {
    const [first, second] = [await freePort(), await freePort()];
    const { pool, web, connect } = poolOf([
      { host: "127.0.0.1", port: first },
      { host: "127.0.0.1", port: second },
    ]);
    let now = 0;
    for (const endpoint of pool.group(web).endpoints) {
      for (let failures = 0; failures < 3; failures++) {
        now += 1000;
        endpoint.health?.noteCheck({ error: new FairleadError("service.refused"), noConnection: true }, now);
      }
      expect(endpoint.isUp).toBe(false);
    }
    await expect(connect()).rejects.toMatchObject({ code: "service.refused" });
    const { port } = await tcpServer(() => {}, { port: second });
    const { socket, target } = await connect();
    expect(target.port).toBe(port);
    socket.destroy();
  });

  it("reaches a server that listens at one family of its host alone", async () => {
    const { port } = await namedServer("127.0.0.1");
    const { pool, web, connect } = poolOf([{ host: "localhost", port }]);
    for (let count = 0; count < 10; count++) (await connect()).socket.destroy();
    expect(pool.group(web).isUp).toBe(true);
  });

  it("spreads connections over the addresses of a name, and follows DNS", async () => {
    const { port } = await namedServer("127.0.0.2");
    await namedServer("127.0.0.3", port);
    await namedServer("127.0.0.4", port);
    const dns = await dnsServer({ "A db.example": ["127.0.0.2", "127.0.0.3"] });
    let now = 0;
    const names = new NameResolver({ servers: [dns.at], fallback: null, now: () => now });
    const { connect } = poolOf([{ host: "db.example", port }], { names });
    const first = [await connect(), await connect()];
    expect(first.map(({ target }) => target.address).sort()).toEqual(["127.0.0.2", "127.0.0.3"]);
    dns.records.set("A db.example", ["127.0.0.3", "127.0.0.4"]);
    now += 60_000;
    const { socket, target } = await connect();
    expect(target.address).toBe("127.0.0.4");
    dns.records.clear();
    dns.silent.add("db.example");
    now += 60_000;
    const late = await connect();
    expect(late.target.address).not.toBe("127.0.0.2");
    for (const each of [...first, { socket }, late]) each.socket.destroy();
  });

  it("lends a target for a request, which counts until its end", async () => {
    const [one, two] = [await namedServer("127.0.0.1"), await namedServer("127.0.0.2")];
    const { pool, web, use } = poolOf([
      { host: "127.0.0.1", port: one.port },
      { host: "127.0.0.2", port: two.port },
    ]);
    const [first, second] = [await pool.lease(web, use.signal), await pool.lease(web, use.signal)];
    expect(new Set([first.target, second.target]).size).toBe(2);
    first.end();
    first.end();
    const third = await pool.lease(web, use.signal);
    expect(third.target).toBe(first.target);
    expect((await pool.lease(web, use.signal, new Set([first.target]))).target).toBe(second.target);
    for (let failures = 0; failures < 5; failures++) third.failed(new FairleadError("service.check_failed"));
    expect(pool.group(web).endpoints.filter(({ isUp }) => isUp)).toEqual([second.target]);
    (await second.connect(use)).destroy();
  });
});

describe("TargetPool, whose targets change,", () => {
  it("keeps connections to a target that goes, and fails new ones clearly when none is left", async () => {
    const { port } = await namedServer("127.0.0.2");
    const { pool, web, connect } = poolOf([{ host: "127.0.0.2", port }]);
    pool.configure([web], []);
    const { socket } = await connect();
    pool.configure(
      [{ ...web, port: { ...web.port, servicePort: undefined, firstPort: 80, targets: [] } }],
      [],
    );
    expect([...pool.groups()].map(({ isUp, endpoints }) => [isUp, endpoints.length])).toEqual([[false, 0]]);
    await expect(connect()).rejects.toMatchObject({ code: "service.unreachable" });
    expect(socket.closed).toBe(false);
    socket.destroy();
  });

  it("has a new target up at once if none of the others stays", () => {
    const { pool, web } = poolOf([{ host: "127.0.0.1", port: 1 }]);
    pool.configure([web], []);
    const [group] = pool.groups();
    const failure = { error: new FairleadError("service.refused"), noConnection: true };
    const [dead] = group?.endpoints ?? [];
    if (dead !== undefined) for (let count = 0; count < 3; count++) group?.noteCheck(dead, failure);
    expect(group?.isUp).toBe(false);
    group?.setTargets(
      [
        { host: "127.0.0.1", port: 1 },
        { host: "127.0.0.1", port: 2 },
      ],
      1,
    );
    expect(group?.endpoints.map(({ isUp }) => isUp)).toEqual([false, false]);
    group?.setTargets([{ host: "127.0.0.1", port: 3 }], 3);
    expect(group?.isUp).toBe(true);
  });
});

describe("TargetGroup", () => {
  it("has an address checked that clients gave up after the time limit of a check", () => {
    const { pool, web } = poolOf([{ host: "127.0.0.1", port: 1 }], { now: () => 5000 });
    const group = pool.group(web);
    const [endpoint] = group.endpoints;
    if (endpoint === undefined) throw new Error("The group has no address.");
    group.noteCheck(endpoint, null);
    group.connectionAbandoned(endpoint, group.check.timeoutMs - 1);
    expect(endpoint.health?.nextCheckAt).toBeNull();
    group.connectionAbandoned(endpoint, group.check.timeoutMs);
    expect(endpoint).toMatchObject({ isUp: true, health: { nextCheckAt: 5000 } });
  });
});

describe("TargetPool, with a target that does not answer,", () => {
  it("ends the dial of a stream that was reset, and keeps the dial of another stream", async () => {
    const { owner, peer, dials } = await setUp();
    for (let round = 0; round < 5; round++) {
      const open = () => peer.manager.open("stuck", owner.instance);
      const streams = await Promise.all(Array.from({ length: 200 }, open));
      const control = await open();
      await eventually("the owner dials", () => dials() === 201, { within: 60_000 });
      for (const stream of streams) stream.destroy();
      await eventually("one dial is left", () => dials() === 1, { within: 60_000 });
      control.destroy();
      await eventually("no dial is left", () => dials() === 0, { within: 60_000 });
    }
  });

  it("limits the dials at a time, and serves another service of the same session meanwhile", async () => {
    const { owner, peer, dials } = await setUp();
    const streams = await Promise.all(
      Array.from({ length: 400 }, () => peer.manager.open("stuck", owner.instance)),
    );
    await eventually("dials wait in line", () => dials() === 256, { within: 60_000 });
    const good = await peer.manager.open("good", owner.instance);
    await good.accepted;
    const codes = streams.slice(256).map((stream) => codeOf(stream.accepted));
    expect(new Set(await Promise.all(codes))).toEqual(new Set(["service.overloaded"]));
    for (const stream of [...streams, good]) stream.destroy();
    await eventually("no dial is left", () => dials() === 0, { within: 60_000 });
  });
});

describe("TargetPool, with a name that DNS does not answer for,", () => {
  it("serves other services meanwhile, and ends the streams of clients that leave", async () => {
    const dns = await dnsServer();
    dns.silent.add("stuck.example");
    const names = new NameResolver({ servers: [dns.at], fallback: null, timeoutMs: 60_000 });
    const { port } = await tcpServer((socket) => socket.pipe(socket));
    const expose = ["a", "b", "c", "d", "e"].map((name) => parseExpose(`${name}=stuck.example:1`));
    const pool = new TargetPool({ names });
    const ended = new AbortController();
    const connect = (exposure: Exposure, signal: AbortSignal) =>
      pool.connect(
        { name: exposure.name, port: firstPort(exposure) },
        { site: "site-west", hops: 0, signal },
      );
    // More than the dials that one site may have at a time.
    const stuck = expose.flatMap((exposure) =>
      Array.from({ length: 250 }, () => connect(exposure, ended.signal)),
    );
    const fates = Promise.allSettled(stuck);
    const good = await connect(parseExpose(`good=${port}`), new AbortController().signal);
    good.socket.destroy();
    ended.abort();
    for (const fate of await fates) {
      expect(fate).toMatchObject({ status: "rejected", reason: { code: "stream.cancelled" } });
    }
  });
});
