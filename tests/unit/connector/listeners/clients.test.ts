import type { Duplex } from "node:stream";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { HopPolicy } from "../../../../connector/config/hop-policy.ts";
import { Catalogue } from "../../../../connector/listeners/catalogue.ts";
import { Clients } from "../../../../connector/listeners/clients.ts";
import { EARLY_BYTES } from "../../../../connector/listeners/early-data.ts";
import type { PeerLife } from "../../../../connector/listeners/open-deadline.ts";
import type { OpeningStream } from "../../../../connector/listeners/open-stream.ts";
import { StreamOpener, type Streams } from "../../../../connector/listeners/stream-opener.ts";
import { type ErrorCode, FairleadError } from "../../../../protocol/errors.ts";
import type { Instance } from "../../../../protocol/uplink/messages.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";
import { relayStream, testRelay } from "../../../support/connector/test-relay.ts";
import { tcpClient, tcpServer } from "../../../support/traffic/sockets.ts";

const instance = (boot: string): Instance => ({ site: `s-${boot}`, siteName: "east", boot });
const api = (...boots: string[]) => [
  { name: "api", protocol: "tcp" as const, port: 80, offers: boots.map(instance) },
];

type Fate = "accept" | "offline" | "nobody" | "silence" | ErrorCode | { accepted: Promise<void> };

/** A peer's answer to an OPEN, which the test gives later. */
function pendingAnswer() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {});
  return { accepted: promise, accept: resolve, refuse: (code: ErrorCode) => reject(new FairleadError(code)) };
}

/** The bytes that a stream's peer got. */
const gotBy = new WeakMap<Duplex, Buffer[]>();

/** A stream that is accepted, refused with a code, or never answered. Its peer echoes. */
function stream(fate: Exclude<Fate, "offline" | "nobody">): OpeningStream {
  const { stream: near, far } = relayStream();
  const got: Buffer[] = [];
  gotBy.set(near, got);
  far.on("data", (chunk: Buffer) => got.push(chunk));
  if (typeof fate === "object") return Object.assign(near, { accepted: fate.accepted });
  far.pipe(far);
  const accepted =
    fate === "accept"
      ? Promise.resolve()
      : fate === "silence"
        ? new Promise<void>(() => {})
        : Promise.reject(new FairleadError(fate));
  return Object.assign(near, { accepted });
}

const API = { service: "api", port: 80, protocol: "tcp" } as const;

/** A peer that never gave a sign of life. */
const SILENT: PeerLife = { silentMs: Number.POSITIVE_INFINITY, roundTripMs: 1 };
const ALIVE: PeerLife = { silentMs: 0, roundTripMs: 1 };

async function setUp(
  fates: Record<string, Fate[]>,
  holdMs = 60_000,
  hop = new HopPolicy(),
  life = ALIVE,
  edgeUpForMs = Number.POSITIVE_INFINITY,
  log = new MemoryLog(),
) {
  const tried: string[] = [];
  const opened: Duplex[] = [];
  const ports: (number | undefined)[] = [];
  const catalogue = new Catalogue(() => {});
  const streams: Streams = {
    open: async (_, peer, { port }) => {
      tried.push(peer.boot);
      ports.push(port);
      const fate = fates[peer.boot]?.shift() ?? "accept";
      // Without a session there is no stream.
      if (fate === "offline") throw new FairleadError("session.peer_offline");
      // The session never opens.
      if (fate === "nobody") return await new Promise<OpeningStream>(() => {});
      const one = stream(fate);
      opened.push(one);
      return one;
    },
    life: () => life,
  };
  const opener = new StreamOpener({
    ...{ catalogue, streams, hop, holdMs },
    // A fate of "own" is that of this connector's own target.
    own: () => ("own" in fates ? { ...instance("own"), own: true, cost: 0 } : null),
    edgeUpForMs: () => edgeUpForMs,
    // The first of equal instances, so that a test knows the order.
    random: () => 0,
  });
  const clients = new Clients({ opener, relay: testRelay(log) });
  const { port } = await tcpServer((socket) => clients.serve(API, socket));
  onTestFinished(() => clients.close());
  return { catalogue, clients, opener, log, tried, ports, opened, connect: () => tcpClient(port) };
}

async function echo(client: { socket: { end(text: string): unknown }; received: Promise<string> }) {
  client.socket.end("echo");
  return await client.received;
}

describe("Clients", () => {
  it("gives a client a stream to an instance, with half-close", async () => {
    const { catalogue, connect } = await setUp({});
    catalogue.welcome(api("b1"));
    expect(await echo(await connect())).toBe("echo");
  });

  it("uses no instance with hop encryption unless the site allows it", async () => {
    const offers = [{ ...instance("b1"), encryption: "hop" as const }];
    const video = [{ name: "api", protocol: "tcp" as const, port: 80, offers }];
    const { catalogue, connect, tried, log } = await setUp({}, 10_000);
    catalogue.welcome(video);
    await expect(echo(await connect())).rejects.toThrow("ECONNRESET");
    expect(tried).toEqual([]);
    expect(log.lines).toMatchObject([{ fields: { code: "service.hop_not_allowed" } }]);

    const allowing = await setUp({}, 10_000, new HopPolicy({ allowHop: ["api"] }));
    allowing.catalogue.welcome(video);
    expect(await echo(await allowing.connect())).toBe("echo");
  });

  it("tries again at once when the catalogue has changed since the refusal", async () => {
    const late = Promise.withResolvers<void>();
    const { catalogue, connect, tried } = await setUp({ old: [{ accepted: late.promise }] }, 10_000);
    catalogue.welcome(api("old"));
    const client = await connect();
    await eventually("the first try", () => tried.length === 1);
    catalogue.change({ put: api("new"), gone: [] });
    late.reject(new FairleadError("service.unknown"));
    expect(await echo(client)).toBe("echo");
    expect(tried).toEqual(["old", "new"]);
  });

  it("tries another instance when one fails before it accepts", async () => {
    const { catalogue, connect, tried } = await setUp({ b1: ["service.refused"], b2: ["offline"] });
    catalogue.welcome(api("b1", "b2", "b3"));
    expect(await echo(await connect())).toBe("echo");
    expect(tried).toEqual(["b1", "b2", "b3"]);
  });

  it("avoids an instance that failed a moment ago while there is another", async () => {
    const { catalogue, connect, tried } = await setUp({ b1: ["offline"] });
    catalogue.welcome(api("b1", "b2"));
    await echo(await connect());
    await echo(await connect());
    expect(tried).toEqual(["b1", "b2", "b2"]);
  });

  it("uses no instance whose targets of the port are down, or that does not serve the port", async () => {
    const { catalogue, connect, tried } = await setUp({});
    const offers = [
      { ...instance("b1"), down: [80] },
      { ...instance("b2"), ports: [443] },
      { ...instance("b3"), down: [443] },
    ];
    catalogue.welcome([{ name: "api", protocol: "tcp", port: 80, offers }]);
    for (let client = 0; client < 3; client++) expect(await echo(await connect())).toBe("echo");
    expect(tried).toEqual(["b3", "b3", "b3"]);
  });

  it("resets a client at once while the targets of every instance are down", async () => {
    const { catalogue, connect, tried, log } = await setUp({}, 60_000);
    const offers = [
      { ...instance("b1"), down: [80] },
      { ...instance("b2"), down: [80] },
    ];
    catalogue.welcome([{ name: "api", protocol: "http", port: 80, offers }]);
    await expect((await connect()).received).rejects.toMatchObject({ code: "ECONNRESET" });
    await eventually("the log line", () => log.find("The flow failed"));
    expect(log.find("The flow failed")?.fields.code).toBe("service.unhealthy");
    expect(tried).toEqual([]);
  });

  it("uses this connector's own target first, and another site when it fails", async () => {
    const { catalogue, connect, tried } = await setUp({ own: ["accept", "service.refused"] });
    catalogue.welcome(api("b1"));
    expect(await echo(await connect())).toBe("echo");
    expect(await echo(await connect())).toBe("echo");
    expect(tried).toEqual(["own", "own", "b1"]);
    // Only a service that another site offers has clients here.
    catalogue.welcome([]);
    expect(tried).toHaveLength(3);
  });

  it("tries again with the next catalogue", async () => {
    const { catalogue, connect, tried } = await setUp({ old: ["offline"] }, 10_000);
    catalogue.welcome(api("old"));
    const client = await connect();
    await eventually("the first try", () => tried.length === 1);
    catalogue.change({ put: api("new"), gone: [] });
    expect(await echo(client)).toBe("echo");
    expect(tried).toEqual(["old", "new"]);
  });

  it("holds a client while no site offers the service", async () => {
    const { catalogue, connect } = await setUp({}, 10_000);
    catalogue.welcome([]);
    const client = await connect();
    const answer = echo(client);
    await new Promise((resolve) => setTimeout(resolve, 100));
    catalogue.change({ put: api("b1"), gone: [] });
    expect(await answer).toBe("echo");
  });

  it("resets a client that no instance serves in time, and logs the reason", async () => {
    const { connect, log } = await setUp({}, 50);
    await expect((await connect()).received).rejects.toMatchObject({ code: "ECONNRESET" });
    await eventually("the log line", () => log.find("The flow failed"));
    expect(log.find("The flow failed")?.fields.code).toBe("service.unavailable");
  });

  it("resets a client in time although the wall clock is set back during its wait", async () => {
    const { connect } = await setUp({}, 300);
    const client = await connect();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const real = Date.now;
    const wallClock = vi.spyOn(Date, "now").mockImplementation(() => real() - 3600_000);
    onTestFinished(() => wallClock.mockRestore());
    await expect(client.received).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("resets a client at once when every target refuses, whatever time is left", async () => {
    const { catalogue, connect, log, tried } = await setUp({ b1: ["service.refused"] }, 10_000);
    catalogue.welcome(api("b1"));
    await expect((await connect()).received).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(tried).toEqual(["b1"]);
    await eventually("the log line", () => log.find("The flow failed")?.fields.code === "service.refused");
  });

  it("destroys the stream of a client that leaves before it is served", async () => {
    const { catalogue, connect, opened, log } = await setUp({ b1: ["silence"] }, 10_000);
    catalogue.welcome(api("b1"));
    const client = await connect();
    await eventually("the stream", () => opened.length === 1);
    client.socket.resetAndDestroy();
    await eventually("its end", () => opened[0]?.destroyed);
    expect(log.lines.filter((line) => line.level !== "debug")).toEqual([]);
  });

  it("resets the stream of a client that leaves halfway, and the client of a stream that is reset", async () => {
    const { catalogue, connect, opened } = await setUp({});
    catalogue.welcome(api("b1"));
    const leaver = await connect();
    leaver.socket.write("x");
    await eventually("the stream", () => opened.length === 1);
    leaver.socket.resetAndDestroy();
    await eventually("its end", () => opened[0]?.destroyed);
    const victim = await connect();
    victim.socket.write("x");
    await eventually("the stream", () => opened.length === 2);
    opened[1]?.destroy(new FairleadError("session.lost"));
    await expect(victim.received).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("resets a waiting client when the connector stops", async () => {
    const { clients, connect } = await setUp({}, 10_000);
    const client = await connect();
    await new Promise((resolve) => setTimeout(resolve, 20));
    clients.close();
    await expect(client.received).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("opens a stream to the port of its listener where the service has several, at an instance that serves it", async () => {
    const { catalogue, connect, tried, ports } = await setUp({});
    catalogue.welcome(api("a"));
    await echo(await connect());
    const [one] = api("a", "b");
    const offers =
      one?.offers.map((offer) => (offer.boot === "a" ? { ...offer, ports: [443] } : offer)) ?? [];
    const listed = [80, 443].map((port) => ({ port, protocol: "tcp" as const }));
    catalogue.welcome(one === undefined ? [] : [{ ...one, ports: listed, offers }]);
    await echo(await connect());
    expect([tried, ports]).toEqual([
      ["a", "b"],
      [undefined, 80],
    ]);
  });

  it("resets a client that its listener refuses, and keeps a flow of it", async () => {
    const log = new MemoryLog();
    const { clients } = await setUp({}, 300, new HopPolicy(), ALIVE, 0, log);
    const { port } = await tcpServer((socket) =>
      clients.refuse(API, socket, new FairleadError("listener.full")),
    );
    await expect((await tcpClient(port)).received).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(log.lines).toMatchObject([
      { level: "info", fields: { service: "api", outcome: "listener.full", bytesToTarget: 0 } },
    ]);
  });
});

describe("Clients, with the first bytes of a client,", () => {
  const textOf = (stream: Duplex | undefined) =>
    stream === undefined ? "" : Buffer.concat(gotBy.get(stream) ?? []).toString();
  it("send them before an instance accepts, and the client's end, too", async () => {
    const first = pendingAnswer();
    const { catalogue, connect, opened } = await setUp({ b1: [first] }, 10_000);
    catalogue.welcome(api("b1"));
    const client = await connect();
    client.socket.write("first");
    await eventually("the bytes", () => textOf(opened[0]) === "first");
    client.socket.end(", second");
    await eventually("the rest", () => textOf(opened[0]) === "first, second");
    await eventually("the end", () => opened[0]?.writableEnded);
    first.accept();
    await eventually("the stream", () => opened[0]?.listenerCount("data") === 1);
    expect(textOf(opened[0])).toBe("first, second");
  });

  it("send them to the next instance, once and whole, when an instance refuses after it got them", async () => {
    const refusals = [pendingAnswer()];
    const { catalogue, connect, opened, tried } = await setUp(
      { b1: [refusals[0] ?? "accept"], b2: ["offline"] },
      10_000,
    );
    catalogue.welcome(api("b1", "b2", "b3"));
    const client = await connect();
    client.socket.write("one ");
    await eventually("the first", () => textOf(opened[0]) === "one ");
    refusals[0]?.refuse("service.draining");
    client.socket.write("two ");
    await eventually("the next try", () => opened.length === 2);
    client.socket.end("three");
    expect(await client.received).toBe("one two three");
    expect(tried).toEqual(["b1", "b2", "b3"]);
    expect(textOf(opened[1])).toBe("one two three");
  });

  it("never send them twice when the session ended and the target may have them", async () => {
    const first = pendingAnswer();
    const { catalogue, connect, opened, tried, log } = await setUp({ b1: [first] }, 10_000);
    catalogue.welcome(api("b1", "b2"));
    const client = await connect();
    client.socket.write("pay 10");
    await eventually("the bytes", () => textOf(opened[0]) === "pay 10");
    first.refuse("session.lost");
    await expect(client.received).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(tried).toEqual(["b1"]);
    await eventually("the log line", () => log.find("The flow failed")?.fields.code === "session.lost");
  });

  it("keep up to 64 KiB, hold the rest until acceptance, and deliver all of them in order", async () => {
    const [first, second] = [pendingAnswer(), pendingAnswer()];
    const { catalogue, connect, opened } = await setUp({ b1: [first], b2: [second] }, 10_000);
    catalogue.welcome(api("b1", "b2"));
    const client = await connect();
    const said = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7 + (at >> 8)) & 255));
    client.socket.end(said);
    await eventually("the first bytes", () => textOf(opened[0]).length > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    first.refuse("service.timeout");
    await eventually(
      "the second try",
      () => opened[1] && Buffer.concat(gotBy.get(opened[1]) ?? []).length >= EARLY_BYTES,
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    const bytes = (at: number) => Buffer.concat(gotBy.get(opened[at] as Duplex) ?? []);
    expect(bytes(0).length).toBeLessThanOrEqual(EARLY_BYTES);
    expect(bytes(1).equals(said.subarray(0, EARLY_BYTES))).toBe(true);
    second.accept();
    await eventually("the rest", () => bytes(1).length === said.length);
    expect(bytes(1).equals(said)).toBe(true);
  });

  it("count them once in the flow, with the instance and the stream that accepted them", async () => {
    const { catalogue, connect, log } = await setUp({ b1: ["service.draining"] }, 10_000);
    catalogue.welcome(api("b1", "b2"));
    const client = await connect();
    client.socket.end("early");
    expect(await client.received).toBe("early");
    const tried = log.find("The instance did not serve the client")?.fields;
    expect(tried).toMatchObject({ code: "service.draining", peerSite: "s-b1", service: "api" });
    const { level, fields } = await eventually("the flow ends", () => log.find("The flow is completed."));
    expect(level).toBe("debug");
    expect(fields).toMatchObject({ peerSite: "s-b2", bytesToTarget: 5, bytesToClient: 5, side: "listener" });
    expect(fields.client).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(fields.stream).not.toBe(tried?.stream);
  });

  it("serve a client that waits for the server to speak first", async () => {
    const first = pendingAnswer();
    const { catalogue, connect, opened } = await setUp({ b1: [first] }, 10_000);
    catalogue.welcome(api("b1"));
    const client = await connect();
    await eventually("the stream", () => opened.length === 1);
    first.accept();
    opened[0]?.push("220 ready");
    await eventually("the greeting", () => client.socket.bytesRead === 9);
    client.socket.write("EHLO");
    await eventually("the answer", () => textOf(opened[0]) === "EHLO");
  });
});

/** Expects a client to wait four seconds for an instance's answer, and no other instance to be tried. */
async function expectPatience(life: typeof ALIVE, edgeUpForMs?: number): Promise<void> {
  const late = pendingAnswer();
  const { catalogue, connect, tried, opened } = await setUp(
    { b1: [late] },
    60_000,
    new HopPolicy(),
    life,
    edgeUpForMs,
  );
  catalogue.welcome(api("b1", "b2"));
  const client = await connect();
  await new Promise((resolve) => setTimeout(resolve, 4000));
  late.accept();
  opened[0]?.push("late");
  opened[0]?.push(null);
  client.socket.end();
  expect(await client.received).toBe("late");
  expect(tried).toEqual(["b1"]);
}

describe("Clients of an instance that gives no sign of life", () => {
  it("move to the next instance when they have sent nothing, and later clients go there at once", async () => {
    const { catalogue, connect, tried } = await setUp({ b1: ["silence"] }, 10_000, new HopPolicy(), SILENT);
    catalogue.welcome(api("b1", "b2"));
    const client = await connect();
    await eventually("the other instance", () => tried.length === 2);
    expect(await echo(client)).toBe("echo");
    expect(await echo(await connect())).toBe("echo");
    expect(tried).toEqual(["b1", "b2", "b2"]);
  });

  it("move to the next instance when no session opens, together with their first bytes", async () => {
    const { catalogue, connect, tried } = await setUp({ b1: ["nobody"], b2: ["nobody"] }, 10_000);
    catalogue.welcome(api("b1", "b2", "b3"));
    expect(await echo(await connect())).toBe("echo");
    expect(tried).toEqual(["b1", "b2", "b3"]);
  });

  it("are reset when their bytes were sent, because the target may have them", async () => {
    const { catalogue, connect, tried, log } = await setUp(
      { b1: ["silence"] },
      60_000,
      new HopPolicy(),
      SILENT,
    );
    catalogue.welcome(api("b1", "b2"));
    const client = await connect();
    client.socket.write("pay 10");
    await expect(client.received).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(tried).toEqual(["b1"]);
    await eventually(
      "the log line",
      () => log.find("gave no sign of life")?.fields.code === "session.timeout",
    );
  });

  it("wait while the edge is away, because its absence says nothing about the peer", async () => {
    await expectPatience(SILENT, 0);
  });

  it("wait for the target while the peer lives", async () => {
    await expectPatience(ALIVE);
  });
});

describe("Clients beyond the streams that a session carries", () => {
  it("are reset at once, and the instance does not count as failing", async () => {
    const { catalogue, connect, tried, log } = await setUp({ b1: ["stream.limit"] }, 60_000);
    catalogue.welcome(api("b1"));
    await expect((await connect()).received).rejects.toMatchObject({ code: "ECONNRESET" });
    await eventually("the log line", () => log.find("The flow failed")?.fields.code === "stream.limit");
    catalogue.welcome(api("b1", "b2"));
    for (let client = 0; client < 2; client++) expect(await echo(await connect())).toBe("echo");
    expect(tried).toEqual(["b1", "b2", "b1"]);
  });
});

describe("Clients of a connector that drains", () => {
  it("are served when their stream is opening, and reset when they wait for an instance", async () => {
    const accepted = Promise.withResolvers<void>();
    const { catalogue, opener, connect, opened } = await setUp(
      { b1: [{ accepted: accepted.promise }] },
      10_000,
    );
    catalogue.welcome(api("b1"));
    const opening = await connect();
    await eventually("the stream", () => opened.length === 1);
    catalogue.welcome([]);
    const waiting = await connect();
    await new Promise((resolve) => setTimeout(resolve, 30));
    opener.stop();
    await expect(waiting.received).rejects.toMatchObject({ code: "ECONNRESET" });
    accepted.resolve();
    opened[0]?.push("hello");
    opened[0]?.push(null);
    opening.socket.end();
    expect(await opening.received).toBe("hello");
  });
});
