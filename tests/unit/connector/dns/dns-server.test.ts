import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { Answerer } from "../../../../connector/dns/answerer.ts";
import { DnsServer, type DnsServerOptions } from "../../../../connector/dns/dns-server.ts";
import { silent } from "../../../../connector/log.ts";
import { type ReachablePort, ServiceZone } from "../../../../protocol/dns/service-zone.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { ask, framed, overUdp, TcpQueries } from "../../../support/dns/client.ts";
import { opt, queryFor, read, recordTexts } from "../../../support/dns/messages.ts";
import { freePort } from "../../../support/free-port.ts";

const addresses = (count: number): readonly ReachablePort[] => [
  {
    ...{ port: 80, protocol: "tcp" },
    places: Array.from({ length: count }, (_, host) => ({
      address: `10.1.${host >> 8}.${host & 255}`,
      port: 80,
    })),
  },
];

async function setUp(more: Partial<DnsServerOptions> = {}, count = 1) {
  const services = new Map([["api", addresses(count)]]);
  const answerer = new Answerer();
  const zone = new ServiceZone("shop.internal", {
    ports: (name) => services.get(name) ?? "absent",
    serial: 1,
    servers: [],
  });
  answerer.setZones([zone]);
  const port = await freePort();
  const server = new DnsServer({
    ...{ host: "127.0.0.1", port, log: silent, retry: { base: 10, cap: 10 } },
    reply: (bytes, transport) => answerer.reply(bytes, transport),
    ...more,
  });
  onTestFinished(() => server.close());
  server.start();
  await eventually("the server listens", () => server.state.state === "listening");
  return { server, port, answerer, services };
}

describe("DnsServer", () => {
  it("answers over UDP and TCP", async () => {
    const { port } = await setUp();
    expect(recordTexts((await ask({ port }, "api.shop.internal")).answers)).toEqual([
      "api.shop.internal 5 A 10.1.0.0",
    ]);
    const tcp = await TcpQueries.open({ port });
    tcp.send(queryFor("api.shop.internal"));
    const [answer] = await tcp.received(1);
    expect(recordTexts(read(answer ?? Buffer.alloc(0)).answers)).toEqual(["api.shop.internal 5 A 10.1.0.0"]);
    tcp.socket.destroy();
  });

  it("answers at an IPv6 address", async () => {
    const port = await freePort("::1");
    const { server } = await setUp({ host: "::1", port });
    expect(server.address).toBe(`[::1]:${port}`);
    expect((await ask({ host: "::1", port }, "api.shop.internal")).rcode).toBe("NOERROR");
  });

  it("refuses names of other zones", async () => {
    const { port } = await setUp();
    for (const name of ["example.com", "internal", "myshop.internal", "."]) {
      expect(await ask({ port }, name)).toMatchObject({ rcode: "REFUSED", flag_aa: false, answers: [] });
    }
  });

  it("answers several queries on one connection, also in pieces, and the last ones after the client's FIN", async () => {
    const { port } = await setUp();
    const tcp = await TcpQueries.open({ port });
    const all = Buffer.concat(
      Array.from({ length: 300 }, (_, id) => framed(queryFor("api.shop.internal", "A", { id }))),
    );
    tcp.socket.write(all.subarray(0, 1));
    tcp.socket.write(all.subarray(1, 50));
    tcp.socket.end(all.subarray(50));
    const answers = await tcp.received(300);
    expect(answers.map((each) => each.readUInt16BE())).toEqual(Array.from({ length: 300 }, (_, id) => id));
    await tcp.closed();
  });

  it("says by TC that an answer is too long for UDP, and gives it whole over TCP", async () => {
    const { port } = await setUp({}, 200);
    expect((await ask({ port }, "api.shop.internal")).flag_tc).toBe(true);
    const tcp = await TcpQueries.open({ port });
    tcp.send(queryFor("api.shop.internal"));
    const [whole] = await tcp.received(1);
    expect(read(whole ?? Buffer.alloc(0))).toMatchObject({ flag_tc: false });
    expect(read(whole ?? Buffer.alloc(0)).answers).toHaveLength(200);
    tcp.socket.destroy();
  });

  it("puts other records first with each answer", async () => {
    const { port } = await setUp({}, 3);
    const firsts = new Set<unknown>();
    for (let turn = 0; turn < 6; turn++)
      firsts.add((await ask({ port }, "api.shop.internal")).answers[0]?.data);
    expect(firsts.size).toBe(3);
  });

  it("closes a connection on which something else than DNS arrives", async () => {
    const { port } = await setUp();
    for (const bytes of [
      Buffer.from([0, 11, 1]),
      Buffer.from("\0\0"),
      framed(queryFor("a.b", "A", { type: "response" })),
    ]) {
      const tcp = await TcpQueries.open({ port });
      tcp.socket.write(bytes);
      await tcp.closed();
    }
  });

  it("closes a connection that is idle, also while bytes of no whole query arrive", async () => {
    const { port } = await setUp({ idleMs: 200 });
    const tcp = await TcpQueries.open({ port });
    const drip = setInterval(() => tcp.socket.write(Buffer.from([255]), () => {}), 20);
    onTestFinished(() => clearInterval(drip));
    await tcp.closed();
  });

  it("ends the connection that is idle for the longest time when there are too many", async () => {
    const { port } = await setUp({ maxConnections: 2 });
    const [first, second] = [await TcpQueries.open({ port }), await TcpQueries.open({ port })];
    second.send(queryFor("api.shop.internal"));
    await second.received(1);
    first.send(queryFor("api.shop.internal"));
    await first.received(1);
    const third = await TcpQueries.open({ port });
    await second.closed();
    third.send(queryFor("api.shop.internal"));
    first.send(queryFor("api.shop.internal"));
    await Promise.all([third.received(1), first.received(2)]);
    for (const { socket } of [first, third]) socket.destroy();
  });

  it("stops reading from a client that leaves its answers unread", async () => {
    const { port } = await setUp({ idleMs: 1000 }, 3000);
    const tcp = await TcpQueries.open({ port });
    tcp.socket.pause();
    tcp.send(...Array.from({ length: 2000 }, () => queryFor("api.shop.internal")));
    // A socket that does not read learns from its writes that the other end is gone.
    const probe = setInterval(() => tcp.socket.write(Buffer.from([255]), () => {}), 20);
    onTestFinished(() => clearInterval(probe));
    await new Promise((resolve) => tcp.socket.once("close", resolve));
    expect(tcp.answers.length).toBeLessThan(2000);
  });

  it("answers from the new services after a change", async () => {
    const { port, answerer, services } = await setUp();
    expect((await ask({ port }, "api.shop.internal")).answers).toHaveLength(1);
    services.set("api", addresses(2));
    answerer.clear();
    expect((await ask({ port }, "api.shop.internal")).answers).toHaveLength(2);
    services.delete("api");
    answerer.clear();
    expect((await ask({ port }, "api.shop.internal")).rcode).toBe("NXDOMAIN");
  });

  it("gives each query its own id, flags, DO bit and spelling, whatever was asked before", async () => {
    const { port } = await setUp();
    await ask({ port }, "api.shop.internal", "A", { additionals: [opt()] });
    const reply = await ask({ port }, "API.shop.internal", "A", {
      ...{ id: 99, flags: 0, additionals: [opt({ flags: 0x8000 })] },
    });
    expect(reply).toMatchObject({ id: 99, flag_rd: false, flag_aa: true });
    expect(reply.questions[0]?.name).toBe("API.shop.internal");
    expect(reply.additionals).toMatchObject([{ type: "OPT", flags: 0x8000 }]);
    expect((await ask({ port }, "api.shop.internal")).additionals).toEqual([]);
  });

  it.each(["udp", "tcp"])(
    "reports that the port is taken over %s, and takes it when it is free",
    async (transport) => {
      const port = await freePort();
      const udp = createSocket("udp4");
      const tcp = createServer();
      const taken = transport === "udp" ? udp.bind(port, "127.0.0.1") : tcp.listen(port, "127.0.0.1");
      await new Promise((resolve) => taken.once("listening", resolve));
      const server = new DnsServer({
        ...{ host: "127.0.0.1", port, log: silent, retry: { base: 10, cap: 10 }, reply: () => null },
      });
      onTestFinished(() => server.close());
      server.start();
      await eventually("a failure", () => server.state.state === "failed");
      expect(server.state).toMatchObject({ code: "dns.port_taken" });
      taken.close();
      await eventually("the server listens", () => server.state.state === "listening");
    },
  );

  it("reports an address of another machine", async () => {
    const server = new DnsServer({ host: "192.0.2.1", port: 5300, log: silent, reply: () => null });
    onTestFinished(() => server.close());
    server.start();
    await eventually("a failure", () => server.state.state === "failed");
    expect(server.state).toMatchObject({ code: "dns.address" });
  });

  it("survives mutated packets over UDP, and answers the next query", async () => {
    const { port } = await setUp();
    const base = queryFor("api.shop.internal", "A", { additionals: [opt()] });
    const mutated = Array.from({ length: 200 }, (_, at) => {
      const copy = Buffer.from(base);
      copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ (1 << (at % 8));
      return copy;
    });
    await overUdp({ port }, mutated, 1);
    expect((await ask({ port }, "api.shop.internal")).rcode).toBe("NOERROR");
  });
});
