/** What opening streams costs a site whose target does not answer, over a real session. */
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseExpose } from "../../../../connector/config/service-options.ts";
import { NameResolver } from "../../../../connector/net/name-resolver.ts";
import { Offers } from "../../../../connector/targets/offers.ts";
import { TargetStreams } from "../../../../connector/targets/target-streams.ts";
import { TestNetwork } from "../../../support/certificates.ts";
import { eventually } from "../../../support/eventually.ts";
import { type Connector, codeOf, makeConnector, TestRegistry, TestRelay } from "../session/support.ts";
import { temporaryState } from "../support/directories.ts";
import { dnsServer } from "../support/dns-server.ts";
import { MemoryLog } from "../support/log.ts";
import { openSockets, silentPort, tcpServer } from "../support/sockets.ts";

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

/** An owner of `stuck`, whose target does not answer, and of `good`; and a peer. */
async function setUp() {
  const targets = new Set<object>();
  const { port } = await tcpServer((socket) => {
    targets.add(socket);
    socket.pipe(socket).on("close", () => targets.delete(socket));
  });
  const stuck = await silentPort();
  const expose = [parseExpose(`stuck=${stuck}`), parseExpose(`good=${port}`)];
  const targetStreams = new TargetStreams(await Offers.load(await temporaryState(), expose), new MemoryLog());
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
  return { owner, peer, before: openSockets() };
}

describe("TargetStreams", () => {
  it("refuses a stream of a kind that it does not serve with stream.kind_unsupported", async () => {
    const targetStreams = new TargetStreams(
      await Offers.load(await temporaryState(), [parseExpose("api=1")]),
      new MemoryLog(),
    );
    const request = {
      ...{ service: "api", kind: "of-tomorrow", encryption: "end-to-end" as const },
      ...{ peer: { site: "s1", siteName: "east", boot: "b1" }, signal: new AbortController().signal },
    };
    expect(await codeOf(targetStreams.accept(new PassThrough(), request))).toBe("stream.kind_unsupported");
  });

  it("shares a session whose peer names the feature open-kind", async () => {
    const { owner, peer } = await setUp();
    for (const { manager } of [owner, peer]) {
      expect(manager.sessions().map(({ peerFeatures }) => peerFeatures)).toEqual([["open-kind"]]);
    }
  });
});

describe("a target that does not answer", () => {
  it("keeps no dial of a stream that was reset, while it keeps that of one that was not", async () => {
    const { owner, peer, before } = await setUp();
    for (let round = 0; round < 5; round++) {
      const open = () => peer.manager.open("stuck", owner.instance);
      const streams = await Promise.all(Array.from({ length: 200 }, open));
      const control = await open();
      await eventually("the owner dials", () => openSockets() === before + 201, { within: 60_000 });
      for (const stream of streams) stream.destroy();
      await eventually("one dial is left", () => openSockets() === before + 1, { within: 60_000 });
      control.destroy();
      await eventually("no dial is left", () => openSockets() === before, { within: 60_000 });
    }
  }, 120_000);

  it("takes a limited number of dials at a time, while another service of the same session is served", async () => {
    const { owner, peer, before } = await setUp();
    const streams = await Promise.all(
      Array.from({ length: 400 }, () => peer.manager.open("stuck", owner.instance)),
    );
    await eventually("dials wait in line", () => openSockets() - before === 256, { within: 60_000 });
    const good = await peer.manager.open("good", owner.instance);
    await good.accepted;
    const codes = streams.slice(256).map((stream) => codeOf(stream.accepted));
    expect(new Set(await Promise.all(codes))).toEqual(new Set(["service.overloaded"]));
    for (const stream of [...streams, good]) stream.destroy();
    await eventually("no dial is left", () => openSockets() === before, { within: 60_000 });
  }, 120_000);
});

describe("a target whose name is not answered for", () => {
  it("takes no place in the line from other services, and its streams end with their clients", async () => {
    const dns = await dnsServer();
    dns.silent.add("stuck.example");
    const names = new NameResolver({ servers: [dns.at], fallback: null, timeoutMs: 60_000 });
    const { port } = await tcpServer((socket) => socket.pipe(socket));
    const expose = ["a", "b", "c", "d", "e"].map((name) => parseExpose(`${name}=stuck.example:1`));
    expose.push(parseExpose(`good=${port}`));
    const offers = await Offers.load(await temporaryState(), expose);
    const targetStreams = new TargetStreams(offers, new MemoryLog(), { names });
    const ended = new AbortController();
    const peer = { site: "site-west", siteName: "west", boot: "boot-west" };
    const accept = (service: string, signal: AbortSignal) =>
      targetStreams.accept(new PassThrough(), { service, peer, encryption: "end-to-end", signal });
    // More than the dials that one site may have at once.
    const stuck = expose
      .slice(0, 5)
      .flatMap(({ name }) => Array.from({ length: 250 }, () => accept(name, ended.signal)));
    const fates = Promise.allSettled(stuck);
    const good = await accept("good", new AbortController().signal);
    good.destroy();
    ended.abort();
    for (const fate of await fates) {
      expect(fate).toMatchObject({ status: "rejected", reason: { code: "stream.cancelled" } });
    }
  });
});
