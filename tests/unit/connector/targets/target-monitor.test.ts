import { describe, expect, it, onTestFinished } from "vitest";
import { parseHealth } from "../../../../connector/config/health-options.ts";
import type { TargetHost } from "../../../../connector/config/service-options.ts";
import { NameResolver } from "../../../../connector/net/name-resolver.ts";
import { TargetMonitor } from "../../../../connector/targets/target-monitor.ts";
import { type PoolPort, TargetPool } from "../../../../connector/targets/target-pool.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";
import { freePort } from "../../../support/free-port.ts";
import { type DnsServer, dnsServer } from "../../../support/traffic/dns-server.ts";
import { silentPort, tcpServer } from "../../../support/traffic/sockets.ts";

const HOST = "127.0.0.1";

const portOf = (name: string, ...targets: TargetHost[]): PoolPort => ({
  ...{ name, port: { targets, protocol: "tcp" } },
});

interface SetUpOptions {
  readonly names?: NameResolver;
  readonly health?: string;
}

/** A pool with a monitor that watches the ports. */
function setUp(ports: readonly PoolPort[], { names, health }: SetUpOptions = {}) {
  const log = new MemoryLog();
  const pool = new TargetPool({ names, onChange: () => monitor.review() });
  let changes = 0;
  const monitor = new TargetMonitor({
    ...{ pool, log },
    onChange: () => {
      changes++;
    },
  });
  onTestFinished(() => monitor.close());
  const checks = health === undefined ? [] : [parseHealth(health)];
  pool.configure(ports, checks);
  const use = { site: "site-west", hops: 0, signal: new AbortController().signal };
  return { log, pool, monitor, use, changes: () => changes };
}

/** A resolver whose only source is this server. */
const resolverOf = (dns: DnsServer, more = {}) =>
  new NameResolver({ servers: [dns.at], fallback: null, ...more });

describe("TargetMonitor.check", () => {
  it("finds a server, and leaves no connection behind", async () => {
    const closed = Promise.withResolvers<void>();
    const { port } = await tcpServer((socket) => socket.on("close", () => closed.resolve()));
    const { monitor, log } = setUp([portOf("web", { host: HOST, port })]);
    expect(await monitor.check("web")).toBeNull();
    await closed.promise;
    expect(log.lines).toEqual([]);
  });

  it("returns that nothing listens at a target, and what to do", async () => {
    const port = await freePort();
    const { monitor } = setUp([portOf("web", { host: HOST, port })]);
    const action = `Start the server at 127.0.0.1:${port}, or name another target: \`fairlead expose web=HOST:PORT\`.`;
    expect(await monitor.check("web")).toMatchObject({ code: "service.refused", action });
    expect(await monitor.check("other")).toBeNull();
  });

  it("returns why one of several targets does not answer", async () => {
    const { port } = await tcpServer(() => {});
    const dead = await freePort();
    const { monitor } = setUp([portOf("web", { host: HOST, port }, { host: HOST, port: dead })]);
    expect((await monitor.check("web"))?.message).toContain(`127.0.0.1:${dead}`);
  });

  it("takes a host with two families as one server", async () => {
    const { port } = await tcpServer(() => {});
    const { monitor } = setUp([portOf("web", { host: "localhost", port })]);
    expect(await monitor.check("web")).toBeNull();
  });

  it("waits for a silent target, or a silent name server, no longer than its time limit", async () => {
    const health = "web=tcp,timeout=1s";
    const silent = setUp([portOf("web", { host: HOST, port: await silentPort() })], { health });
    expect(await silent.monitor.check("web")).toMatchObject({ code: "service.timeout" });
    const dns = await dnsServer();
    dns.silent.add("db.example");
    const names = resolverOf(dns, { timeoutMs: 300 });
    const slow = setUp([portOf("web", { host: "db.example", port: 80 })], { names });
    expect(await slow.monitor.check("web")).toMatchObject({ code: "service.timeout" });
  });
});

describe("TargetMonitor", () => {
  it("finds at the start that no server answers, logs it with what to do, and finds the server once it is there", async () => {
    const port = await freePort();
    const { monitor, pool, log, changes } = setUp([portOf("web", { host: HOST, port })]);
    monitor.start();
    const [group] = pool.groups();
    await eventually("the target is down", () => group?.isUp === false);
    expect(changes()).toBeGreaterThan(0);
    expect(log.lines).toMatchObject([
      {
        level: "warn",
        fields: { service: "web", target: `${HOST}:${port}`, code: "service.refused" },
        text: expect.stringMatching(/^No server answers at the target: The target /),
      },
    ]);
    await tcpServer(() => {}, { port });
    await eventually("the target is up", () => group?.isUp === true);
    expect(log.lines.at(-1)).toMatchObject({ level: "info", text: "The target is up again." });
  });

  it("checks a target without a configured check no more once it has answered", async () => {
    let connections = 0;
    const { port } = await tcpServer(() => connections++);
    const { monitor, pool } = setUp([portOf("web", { host: HOST, port })]);
    monitor.start();
    const [group] = pool.groups();
    await eventually("the target was checked", () => group?.endpoints[0]?.health?.nextCheckAt === null);
    expect(connections).toBe(1);
  });

  it("finds a target down after connections to it were refused", async () => {
    const { server, port } = await tcpServer(() => {}, { port: await freePort() });
    const web = portOf("web", { host: HOST, port });
    const { monitor, pool, use } = setUp([web]);
    monitor.start();
    const [group] = pool.groups();
    await eventually("the target was checked", () => group?.endpoints[0]?.health?.nextCheckAt === null);
    await new Promise((resolve) => server.close(resolve));
    await expect(pool.connect(web, use)).rejects.toMatchObject({ code: "service.refused" });
    await eventually("the target is down", () => group?.isUp === false);
  });

  it("asks the servers of a port with gRPC for their health, unless another check is configured", () => {
    const grpc = (name: string): PoolPort => {
      const { port } = portOf(name, { host: HOST, port: 1 });
      return { name, port: { ...port, protocol: "http2", grpc: true } };
    };
    const { pool } = setUp([grpc("cart"), grpc("till")], { health: "till=tcp" });
    expect([...pool.groups()].map(({ check }) => [check.check, check.periodic])).toEqual([
      [{ kind: "grpc", optional: true }, true],
      [{ kind: "tcp" }, true],
    ]);
  });

  it("leaves a target alone whose check is off", async () => {
    const port = await freePort();
    const web = portOf("web", { host: HOST, port });
    const { monitor, pool, use, log } = setUp([web], { health: "web=off" });
    monitor.start();
    for (let attempts = 0; attempts < 5; attempts++) {
      await expect(pool.connect(web, use)).rejects.toMatchObject({ code: "service.refused" });
    }
    const [group] = pool.groups();
    expect(group).toMatchObject({ isUp: true, failure: null });
    expect(log.lines).toEqual([]);
    // What exposes it is told all the same.
    expect(await monitor.check("web")).toMatchObject({ code: "service.refused" });
    expect(group?.isUp).toBe(true);
  });

  it("follows a name as DNS changes, and reports a name without addresses", async () => {
    const dns = await dnsServer({ "A db.example": ["127.0.0.2"] });
    let now = 0;
    const names = resolverOf(dns, { now: () => now });
    const { port } = await tcpServer((socket) => socket.end("second"), { host: "127.0.0.3" });
    const web = portOf("web", { host: "db.example", port });
    const { monitor, pool, use, log } = setUp([web], { names });
    monitor.start();
    const group = pool.group(web);
    await eventually("the target is down", () => !group.isUp);
    expect(log.lines).toMatchObject([{ fields: { target: `db.example:${port}`, address: "127.0.0.2" } }]);
    dns.records.set("A db.example", ["127.0.0.3"]);
    now += 60_000;
    await eventually("the new address is up", () => group.isUp);
    const { socket, target } = await pool.connect(web, use);
    expect(target).toMatchObject({ host: "db.example", address: "127.0.0.3" });
    socket.destroy();
    dns.records.clear();
    now += 60_000;
    await expect(pool.connect(web, use)).rejects.toMatchObject({
      code: "service.unreachable",
      message: expect.stringContaining("its name could not be looked up (ENOTFOUND)"),
    });
  });

  it("checks nothing after it is closed", async () => {
    const { monitor, log } = setUp([portOf("web", { host: HOST, port: await freePort() })]);
    monitor.start();
    monitor.close();
    monitor.review();
    expect(await monitor.check("web")).toBeNull();
    expect(log.lines).toEqual([]);
  });
});
