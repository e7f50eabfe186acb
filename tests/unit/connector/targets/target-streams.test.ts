import { once } from "node:events";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HopPolicy } from "../../../../connector/config/hop-policy.ts";
import { firstPort, firstTarget, parseExpose } from "../../../../connector/config/service-options.ts";
import { Offers } from "../../../../connector/targets/offers.ts";
import { TargetStreams } from "../../../../connector/targets/target-streams.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { randomId, TestNetwork } from "../../../support/authority/certificates.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";
import {
  type Connector,
  codeOf,
  makeConnector,
  TestRegistry,
  TestRelay,
} from "../../../support/connector/session-stand.ts";
import { peerStream, tcpServers, testRelay } from "../../../support/connector/test-relay.ts";
import { freePort } from "../../../support/free-port.ts";
import { temporaryState } from "../../../support/process/directories.ts";
import { tcpServer } from "../../../support/traffic/sockets.ts";

const code = (text: string) => expect.objectContaining({ code: text });
const peerOf = (siteName: string) => ({ site: randomId("site"), siteName, boot: randomId("boot") });

/** Waits for the close, also when an error comes first. */
const closed = (stream: Duplex) => new Promise((resolve) => stream.once("close", resolve));

function targetStreams(offers: Offers, log: MemoryLog): TargetStreams {
  const relay = testRelay(log);
  return new TargetStreams({ offers, servers: tcpServers(relay), relay, log });
}

describe("TargetStreams", () => {
  async function setUp(to: string[], port?: number) {
    const server = await tcpServer((socket) => {
      socket.on("data", () => socket.write("an answer"));
      socket.on("end", () => socket.end());
    });
    const target = parseExpose(`db=${port ?? server.port}`);
    const offers = await Offers.load(await temporaryState(), [{ ...target, to }]);
    const log = new MemoryLog();
    const streams = targetStreams(offers, log);
    offers.onChange(() => streams.review());
    /** Opens a stream as a peer. Rejects when the stream is refused. */
    const open = async (
      peer: ReturnType<typeof peerOf>,
      { draining = false, ...open }: { draining?: boolean; kind?: string; hops?: number } = {},
    ) => {
      const { stream, far, accepted } = peerStream("db", open);
      const failed: { error?: unknown } = {};
      stream.on("error", (error) => {
        failed.error = error;
      });
      void streams.serve(stream, { peer, encryption: "end-to-end", draining });
      await accepted;
      return { stream, far, failed };
    };
    const scope = (sites: string[] | undefined) =>
      offers.add({ ...target, ...(sites === undefined ? {} : { to: sites }) });
    const ended = async () => await eventually("the flow ends", () => log.lines.find(isEnd));
    return { offers, streams, log, open, scope, ended, target };
  }

  const isEnd = ({ text }: { readonly text: string }) => text.startsWith("The flow ");

  it("opens a service only to the sites of its scope, and dials no target for others", async () => {
    const { open } = await setUp(["west"]);
    const { stream } = await open(peerOf("west"));
    stream.destroy();
    await expect(open(peerOf("east"))).rejects.toEqual(code("service.not_exported"));
  });

  it("resets the streams of sites that leave the scope, and no others", async () => {
    const { open, scope, log } = await setUp(["west", "east"]);
    const west = await open(peerOf("west"));
    const east = await open(peerOf("east"));
    await scope(["west"]);
    await closed(east.stream);
    expect(east.failed.error).toEqual(code("service.not_exported"));
    expect(west.stream.destroyed).toBe(false);
    expect(log.find("Streams were reset.")?.fields).toMatchObject({
      streams: 1,
      code: "service.not_exported",
    });
    await scope(undefined);
    expect(west.stream.destroyed).toBe(false);
    west.stream.destroy();
  });

  it("resets every stream of a service while the network does not let this site offer it", async () => {
    const { open, streams, log } = await setUp(["west"]);
    const peer = peerOf("west");
    const { stream, failed } = await open(peer);
    streams.forbid(["db"]);
    await closed(stream);
    expect(failed.error).toEqual(code("service.forbidden"));
    expect(log.find("Streams were reset.")?.fields).toMatchObject({ streams: 1, code: "service.forbidden" });
    await expect(open(peer)).rejects.toEqual(code("service.forbidden"));
    streams.forbid(["other"]);
    (await open(peer)).stream.destroy();
  });

  it("keeps the open streams of a service that is withdrawn", async () => {
    const { open, offers } = await setUp(["west"]);
    const { stream } = await open(peerOf("west"));
    await offers.remove("db");
    expect(stream.destroyed).toBe(false);
    stream.destroy();
  });

  it("judges a site by its newest name, also for streams that opened before the site was renamed", async () => {
    const { open, streams } = await setUp(["west"]);
    const west = peerOf("west");
    streams.note([west]);
    const { stream, failed } = await open(west);
    streams.note([{ ...west, siteName: "far-west" }]);
    await closed(stream);
    expect(failed.error).toEqual(code("service.not_exported"));
    await expect(open(west)).rejects.toEqual(code("service.not_exported"));
  });

  it("keeps a flow with the ids, the target and the bytes of a stream that completes", async () => {
    const { open, ended, target } = await setUp(["west"]);
    const peer = peerOf("west");
    const { stream, far } = await open(peer);
    far.end("four");
    expect(String((await once(far, "data"))[0])).toBe("an answer");
    const { level, fields } = await ended();
    expect(level).toBe("debug");
    expect(fields).toMatchObject({
      ...{ network: "network-test", site: "site-test", session: stream.session, stream: stream.id },
      ...{ service: "db", side: "target", peer: "west", peerSite: peer.site },
      ...{
        target: `127.0.0.1:${firstTarget(firstPort(target)).port}`,
        bytesToTarget: 4,
        bytesToClient: 9,
        outcome: "completed",
      },
    });
  });

  it("keeps a flow for a stream that is refused, without bytes", async () => {
    const { open, ended } = await setUp(["west"]);
    await expect(open(peerOf("east"))).rejects.toEqual(code("service.not_exported"));
    const { level, fields } = await ended();
    expect(level).toBe("info");
    expect(fields).toMatchObject({ peer: "east", outcome: "service.not_exported", bytesToTarget: 0 });
    expect(fields).not.toHaveProperty("target");
  });

  it("refuses a stream with the reason of the dial, and names the target in the flow", async () => {
    const port = await freePort();
    const { open, ended } = await setUp(["west"], port);
    await expect(open(peerOf("west"))).rejects.toEqual(code("service.refused"));
    expect((await ended()).fields).toMatchObject({
      ...{ outcome: "service.refused", target: `127.0.0.1:${port}`, openedMs: null },
    });
  });

  it("refuses datagrams for a port of TCP, and bytes for a port of UDP", async () => {
    const offers = await Offers.load(await temporaryState(), [
      parseExpose("dns=53/udp"),
      parseExpose("db=5432"),
    ]);
    const relay = testRelay();
    const [tcp] = tcpServers(relay).values();
    if (tcp === undefined) throw new Error("There is no server for TCP.");
    const streams = new TargetStreams({
      ...{ offers, relay, log: new MemoryLog() },
      servers: new Map([
        ["tcp", tcp],
        ["udp", tcp],
      ]),
    });
    for (const [service, kind] of [
      ["db", "udp"],
      ["dns", "tcp"],
    ] as const) {
      const { stream, accepted } = peerStream(service, { kind });
      void streams.serve(stream, { peer: peerOf("west"), encryption: "end-to-end", draining: false });
      await expect(accepted).rejects.toEqual(code("stream.kind_unsupported"));
    }
  });

  it("refuses a stream of a kind that it does not serve", async () => {
    const { open } = await setUp(["west"]);
    await expect(open(peerOf("west"), { kind: "of-tomorrow" })).rejects.toEqual(
      code("stream.kind_unsupported"),
    );
  });

  it("refuses a stream while the connector drains, and one that passed through too many streams", async () => {
    const { open } = await setUp(["west"]);
    await expect(open(peerOf("west"), { draining: true })).rejects.toEqual(code("service.draining"));
    await expect(open(peerOf("west"), { hops: 9 })).rejects.toEqual(code("service.loop"));
  });
});

describe("TargetStreams over a real session", () => {
  let network: TestNetwork;
  let relay: TestRelay;
  let connectors: Connector[];

  beforeEach(async () => {
    network ??= await TestNetwork.create();
    relay = await TestRelay.start();
    connectors = [];
  });
  afterEach(async () => {
    await Promise.all(connectors.map(({ manager }) => manager.close()));
    await relay.stop();
  });

  /** An owner of `db` for west, and of `open` for all; and two peers. */
  async function setUp() {
    const { port } = await tcpServer((socket) => void socket.pipe(socket));
    const expose = [{ ...parseExpose(`db=${port}`), to: ["west"] }, parseExpose(`open=${port}`)];
    const offers = await Offers.load(await temporaryState(), expose, new HopPolicy({ hop: ["db"] }));
    const streams = targetStreams(offers, new MemoryLog());
    offers.onChange(() => streams.review());
    const registry = new TestRegistry();
    const make = async (name: string) => {
      const connector = makeConnector(registry, relay, await network.identity(), {
        ...{ name, hop: true },
        opened: (stream, origin) => void streams.serve(stream, origin),
      });
      connectors.push(connector);
      return connector;
    };
    const [owner, west, east] = [await make("owner"), await make("west"), await make("east")];
    const narrow = (to: string[]) => offers.add({ ...parseExpose(`db=${port}`), to });
    return { owner, west, east, narrow };
  }

  it("shares a session whose peer names the feature open-kind", async () => {
    const { owner, west } = await setUp();
    const stream = await west.manager.open("open", owner.instance);
    await stream.accepted;
    for (const { manager } of [owner, west]) {
      expect(manager.sessions().map(({ peerFeatures }) => peerFeatures)).toEqual([["open-kind"]]);
    }
    stream.destroy();
  });

  it("refuses a service outside its scope, in a session that carries streams of another service", async () => {
    const { owner, east } = await setUp();
    const allowed = await east.manager.open("open", owner.instance);
    await allowed.accepted;
    for (const encryption of ["end-to-end", "hop"] as const) {
      const refused = await east.manager.open("db", owner.instance, { encryption });
      expect(await codeOf(refused.accepted), encryption).toBe("service.not_exported");
    }
    expect(allowed.destroyed).toBe(false);
    allowed.destroy();
  });

  it("resets the streams of a peer that leaves the scope with the reason; other streams continue", async () => {
    const { owner, west, east, narrow } = await setUp();
    await narrow(["west", "east"]);
    const streams = [];
    for (const peer of [west, east]) {
      const stream = await peer.manager.open("db", owner.instance);
      await stream.accepted;
      stream.write("hello");
      await once(stream, "data");
      streams.push(stream);
    }
    const [ofWest, ofEast] = streams;
    const failure = new Promise((resolve) => ofEast?.once("error", resolve));
    await narrow(["west"]);
    const error = await failure;
    expect(error).toBeInstanceOf(FairleadError);
    expect(error).toMatchObject({ code: "service.not_exported" });
    ofWest?.write("still");
    expect(String((await once(ofWest ?? fail(), "data"))[0])).toBe("still");
    ofWest?.destroy();
  });
});

function fail(): never {
  throw new Error("missing");
}
