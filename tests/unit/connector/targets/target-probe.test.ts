import { describe, expect, it } from "vitest";
import { parseExpose } from "../../../../connector/config/service-options.ts";
import { NameResolver } from "../../../../connector/net/name-resolver.ts";
import { TargetPool } from "../../../../connector/targets/target-pool.ts";
import { TargetProbe } from "../../../../connector/targets/target-probe.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";
import { freePort } from "../../../support/free-port.ts";
import { dnsServer } from "../../../support/traffic/dns-server.ts";
import { silentPort, tcpServer } from "../../../support/traffic/sockets.ts";

function setUp(names?: NameResolver) {
  const log = new MemoryLog();
  const pool = new TargetPool(names === undefined ? {} : { names });
  return { log, probe: new TargetProbe({ pool, site: "s1", log, timeoutMs: 500 }) };
}

describe("TargetProbe", () => {
  it("finds a server, and leaves no connection behind", async () => {
    const closed = Promise.withResolvers<void>();
    const { port } = await tcpServer((socket) =>
      socket.on("error", () => {}).on("close", () => closed.resolve()),
    );
    const { probe, log } = setUp();
    expect(await probe.check(parseExpose(`web=${port}`))).toBeNull();
    await closed.promise;
    expect(log.lines).toEqual([]);
  });

  it("returns and logs that nothing listens at the target, and what to do", async () => {
    const port = await freePort();
    const { probe, log } = setUp();
    const action = `Start the server at 127.0.0.1:${port}, or name another target: \`fairlead expose web=HOST:PORT\`.`;
    expect(await probe.check(parseExpose(`web=${port}`))).toMatchObject({ code: "service.refused", action });
    expect(log.lines).toMatchObject([
      {
        level: "warn",
        fields: { service: "web", target: `127.0.0.1:${port}`, code: "service.refused", action },
      },
    ]);
  });

  it("waits for a silent target, or a silent name server, no longer than its time limit", async () => {
    const { probe } = setUp();
    expect(await probe.check(parseExpose(`web=${await silentPort()}`))).toMatchObject({
      code: "service.timeout",
    });
    const dns = await dnsServer();
    dns.silent.add("db.example");
    const names = new NameResolver({ servers: [dns.at], fallback: null, timeoutMs: 60_000 });
    const slow = setUp(names).probe;
    expect(await slow.check(parseExpose("web=db.example:80"))).toMatchObject({ code: "service.timeout" });
  });

  it("says nothing after it is closed", async () => {
    const { probe, log } = setUp();
    probe.close();
    await probe.checkAll([parseExpose(`web=${await freePort()}`)]);
    expect(log.lines).toEqual([]);
  });
});
