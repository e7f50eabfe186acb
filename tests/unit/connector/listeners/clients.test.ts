import type { Duplex } from "node:stream";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { HopRules } from "../../../../connector/config/hop-policy.ts";
import { Catalogue } from "../../../../connector/listeners/catalogue.ts";
import { Clients, type Streams } from "../../../../connector/listeners/clients.ts";
import { EARLY_BYTES } from "../../../../connector/listeners/early-data.ts";
import type { PeerLife } from "../../../../connector/listeners/open-deadline.ts";
import type { OpeningStream } from "../../../../connector/listeners/open-stream.ts";
import { type ErrorCode, FairleadError } from "../../../../protocol/errors.ts";
import type { Instance } from "../../../../protocol/uplink/messages.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";
import { tcpClient, tcpServer } from "../../../support/traffic/sockets.ts";
import { relayStream, testRelay } from "../support/relay.ts";

const instance = (boot: string): Instance => ({ site: `s-${boot}`, siteName: "east", boot });
const api = (...boots: string[]) => [
  { name: "api", protocol: "tcp" as const, port: 80, offers: boots.map(instance) },
];

type Fate = "accept" | "offline" | "nobody" | "silence" | ErrorCode | { accepted: Promise<void> };

/** The peer's answer to an OPEN, when the test gives it. */
function pendingAnswer() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {});
  return { accepted: promise, accept: resolve, refuse: (code: ErrorCode) => reject(new FairleadError(code)) };
}

/** What its peer got of a stream. */
const gotBy = new WeakMap<Duplex, Buffer[]>();

/** A stream that is accepted, refused with a code, or never answered; its peer sends back what it gets. */
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

/** A peer of which nothing came since the clock began. */
const SILENT: PeerLife = { silentMs: Number.POSITIVE_INFINITY, roundTripMs: 1 };
const ALIVE: PeerLife = { silentMs: 0, roundTripMs: 1 };

async function setUp(
  fates: Record<string, Fate[]>,
  holdMs = 300,
  hop = new HopRules(),
  life = ALIVE,
  edgeUpForMs = Number.POSITIVE_INFINITY,
) {
  const tried: string[] = [];
  const opened: Duplex[] = [];
  const log = new MemoryLog();
  const catalogue = new Catalogue(() => {});
  const streams: Streams = {
    open: async (_, peer) => {
      tried.push(peer.boot);
      const fate = fates[peer.boot]?.shift() ?? "accept";
      // There is no session with it, so there is no stream either.
      if (fate === "offline") throw new FairleadError("session.peer_offline");
      // Nobody dials the session's lanes.
      if (fate === "nobody") return await new Promise<OpeningStream>(() => {});
      const one = stream(fate);
      opened.push(one);
      return one;
    },
    streamsTo: () => null,
    life: () => life,
  };
  const clients = new Clients({
    catalogue,
    streams,
    relay: testRelay(log),
    hop,
    holdMs,
    edgeUpForMs: () => edgeUpForMs,
  });
  const { port } = await tcpServer((socket) => clients.serve("api", socket));
  onTestFinished(() => clients.close());
  return { catalogue, clients, log, tried, opened, connect: () => tcpClient(port) };
}

async function echo(client: { socket: { end(text: string): unknown }; received: Promise<string> }) {
  client.socket.end("echo");
  return await client.received;
}

describe("a client of a listener", () => {
  it("gets a stream to an instance, with half-close", async () => {
    const { catalogue, connect } = await setUp({});
    catalogue.welcome(api("b1"));
    expect(await echo(await connect())).toBe("echo");
  });

  it("gets no stream to an instance with hop encryption that its site does not allow", async () => {
    const offers = [{ ...instance("b1"), encryption: "hop" as const }];
    const video = [{ name: "api", protocol: "tcp" as const, port: 80, offers }];
    const { catalogue, connect, tried, log } = await setUp({}, 10_000);
    catalogue.welcome(video);
    await expect(echo(await connect())).rejects.toThrow("ECONNRESET");
    expect(tried).toEqual([]);
    expect(log.lines).toMatchObject([{ fields: { code: "service.hop_not_allowed" } }]);

    const allowing = await setUp({}, 10_000, new HopRules({ allowHop: ["api"] }));
    allowing.catalogue.welcome(video);
    expect(await echo(await allowing.connect())).toBe("echo");
  });

  it("is tried again at once when the refusal was of an older catalogue", async () => {
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

  it("gets another instance when one fails before it accepts", async () => {
    const { catalogue, connect, tried } = await setUp({ b1: ["service.refused"], b2: ["offline"] });
    catalogue.welcome(api("b1", "b2", "b3"));
    expect(await echo(await connect())).toBe("echo");
    expect(tried).toEqual(["b1", "b2", "b3"]);
  });

  it("is not sent to an instance that failed a moment ago while there is another", async () => {
    const { catalogue, connect, tried } = await setUp({ b1: ["offline"] });
    catalogue.welcome(api("b1", "b2"));
    await echo(await connect());
    await echo(await connect());
    expect(tried).toEqual(["b1", "b2", "b2"]);
  });

  it("is tried again with a fresh catalogue", async () => {
    const { catalogue, connect, tried } = await setUp({ old: ["offline"] }, 10_000);
    catalogue.welcome(api("old"));
    const client = await connect();
    await eventually("the first try", () => tried.length === 1);
    catalogue.change({ put: api("new"), gone: [] });
    expect(await echo(client)).toBe("echo");
    expect(tried).toEqual(["old", "new"]);
  });

  it("is held while nobody offers the service", async () => {
    const { catalogue, connect } = await setUp({}, 10_000);
    catalogue.welcome([]);
    const client = await connect();
    const answer = echo(client);
    await new Promise((resolve) => setTimeout(resolve, 100));
    catalogue.change({ put: api("b1"), gone: [] });
    expect(await answer).toBe("echo");
  });

  it("is reset when nobody comes up in time, and the log says why", async () => {
    const { connect, log } = await setUp({}, 50);
    await expect((await connect()).received).rejects.toMatchObject({ code: "ECONNRESET" });
    await eventually("the log line", () => log.find("The flow failed"));
    expect(log.find("The flow failed")?.fields.code).toBe("service.unavailable");
  });

  it("is reset in its time when the wall clock is set back while it waits", async () => {
    const { connect } = await setUp({}, 300);
    const client = await connect();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const real = Date.now;
    const wallClock = vi.spyOn(Date, "now").mockImplementation(() => real() - 3600_000);
    onTestFinished(() => wallClock.mockRestore());
    await expect(client.received).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("is reset at once when every target refuses, whatever the time left", async () => {
    const { catalogue, connect, log, tried } = await setUp({ b1: ["service.refused"] }, 10_000);
    catalogue.welcome(api("b1"));
    await expect((await connect()).received).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(tried).toEqual(["b1"]);
    await eventually("the log line", () => log.find("The flow failed")?.fields.code === "service.refused");
  });

  it("that leaves before it was served takes its stream along", async () => {
    const { catalogue, connect, opened, log } = await setUp({ b1: ["silence"] }, 10_000);
    catalogue.welcome(api("b1"));
    const client = await connect();
    await eventually("the stream", () => opened.length === 1);
    client.socket.resetAndDestroy();
    await eventually("its end", () => opened[0]?.destroyed);
    expect(log.lines.filter((line) => line.level !== "debug")).toEqual([]);
  });

  it("that leaves halfway resets its stream, and a reset stream resets the client", async () => {
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

  it("is reset when the connector stops", async () => {
    const { clients, connect } = await setUp({}, 10_000);
    const client = await connect();
    await new Promise((resolve) => setTimeout(resolve, 20));
    clients.close();
    await expect(client.received).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});

describe("what a client says first", () => {
  const textOf = (stream: Duplex | undefined) =>
    stream === undefined ? "" : Buffer.concat(gotBy.get(stream) ?? []).toString();
  it("goes out before an instance accepts, its end too", async () => {
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

  it("goes to the next instance, once and whole, when one refuses after it got it", async () => {
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

  it("is never sent twice when the session ended and the target may have got it", async () => {
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

  it("is kept up to 64 KiB; the rest waits for acceptance, and all arrives in order", async () => {
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

  it("may be nothing: a server that talks first is heard", async () => {
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

/** That a client waits for an instance whose answer comes after four seconds, and is not tried at another one. */
async function expectPatience(life: typeof ALIVE, edgeUpForMs?: number): Promise<void> {
  const late = pendingAnswer();
  const { catalogue, connect, tried, opened } = await setUp(
    { b1: [late] },
    60_000,
    new HopRules(),
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

describe("a client of an instance that gives no sign of life", { timeout: 60_000 }, () => {
  it("goes to the next one when it has said nothing, and later ones go there at once", async () => {
    const { catalogue, connect, tried } = await setUp({ b1: ["silence"] }, 10_000, new HopRules(), SILENT);
    catalogue.welcome(api("b1", "b2"));
    const client = await connect();
    await eventually("the other instance", () => tried.length === 2);
    expect(await echo(client)).toBe("echo");
    expect(await echo(await connect())).toBe("echo");
    expect(tried).toEqual(["b1", "b2", "b2"]);
  });

  it("goes to the next one when no session comes up, with what it has said", async () => {
    const { catalogue, connect, tried } = await setUp({ b1: ["nobody"], b2: ["nobody"] }, 10_000);
    catalogue.welcome(api("b1", "b2", "b3"));
    expect(await echo(await connect())).toBe("echo");
    expect(tried).toEqual(["b1", "b2", "b3"]);
  });

  it("is reset when its bytes went out: the target may have got them", async () => {
    const { catalogue, connect, tried, log } = await setUp(
      { b1: ["silence"] },
      60_000,
      new HopRules(),
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

  it("waits while the edge is away, whose absence says nothing of the peer", async () => {
    await expectPatience(SILENT, 0);
  });

  it("waits for the target while the peer lives", async () => {
    await expectPatience(ALIVE);
  });
});

describe("a client beyond the streams that a session carries", () => {
  it("is reset at once, and the instance is not taken for a failing one", async () => {
    const { catalogue, connect, tried, log } = await setUp({ b1: ["stream.limit"] }, 60_000);
    catalogue.welcome(api("b1"));
    await expect((await connect()).received).rejects.toMatchObject({ code: "ECONNRESET" });
    await eventually("the log line", () => log.find("The flow failed")?.fields.code === "stream.limit");
    catalogue.welcome(api("b1", "b2"));
    expect(await echo(await connect())).toBe("echo");
    expect(tried).toEqual(["b1", "b1"]);
  });
});

describe("while the connector stops, a client", () => {
  it("whose stream is opening gets it, and one that waits for a stream is reset", async () => {
    const accepted = Promise.withResolvers<void>();
    const { catalogue, clients, connect, opened } = await setUp(
      { b1: [{ accepted: accepted.promise }] },
      10_000,
    );
    catalogue.welcome(api("b1"));
    const opening = await connect();
    await eventually("the stream", () => opened.length === 1);
    catalogue.welcome([]);
    const waiting = await connect();
    await new Promise((resolve) => setTimeout(resolve, 30));
    clients.drain();
    await expect(waiting.received).rejects.toMatchObject({ code: "ECONNRESET" });
    accepted.resolve();
    opened[0]?.push("hello");
    opened[0]?.push(null);
    opening.socket.end();
    expect(await opening.received).toBe("hello");
  });
});
