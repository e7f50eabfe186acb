/** Targets and names that do not answer, over a real session. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Exposure, firstPort, parseExpose } from "../../../../connector/config/service-options.ts";
import { silent } from "../../../../connector/log.ts";
import { NameResolver } from "../../../../connector/net/name-resolver.ts";
import { Offers } from "../../../../connector/targets/offers.ts";
import { TargetPool } from "../../../../connector/targets/target-pool.ts";
import { TargetStreams } from "../../../../connector/targets/target-streams.ts";
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
import { temporaryState } from "../../../support/process/directories.ts";
import { dnsServer } from "../../../support/traffic/dns-server.ts";
import { openSockets, silentPort, tcpServer } from "../../../support/traffic/sockets.ts";

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
  return { owner, peer, before: openSockets() };
}

describe("TargetPool, with a target that does not answer,", () => {
  it("ends the dial of a stream that was reset, and keeps the dial of another stream", async () => {
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

  it("limits the dials at a time, and serves another service of the same session meanwhile", async () => {
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
    good.destroy();
    ended.abort();
    for (const fate of await fates) {
      expect(fate).toMatchObject({ status: "rejected", reason: { code: "stream.cancelled" } });
    }
  });
});
