import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Duplex, PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SessionStream } from "../../../../connector/session/manager.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { randomId, TestNetwork } from "../../../support/authority/certificates.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { holdTime } from "../../../support/clock/held-time.ts";
import {
  type Connector,
  codeOf,
  makeConnector,
  orderedBoots,
  readAll,
  TestRegistry,
  TestRelay,
  until,
} from "../../../support/connector/session-stand.ts";
import { testRelay } from "../../../support/connector/test-relay.ts";

let network: TestNetwork;
let relay: TestRelay;
let registry: TestRegistry;
const connectors: Connector[] = [];

beforeEach(async () => {
  network ??= await TestNetwork.create();
  relay = await TestRelay.start();
  registry = new TestRegistry();
});

afterEach(async () => {
  await Promise.all(connectors.splice(0).map(({ manager }) => manager.close()));
  await relay.stop();
});

const joining = testRelay();

/** The carrier versions of a connector that was not updated yet. */
const ONE_LANE = { min: 1, max: 1 };

/** Echoes its input, and ends when its writer ends. */
const echo = async (): Promise<Duplex> => new PassThrough();

async function pair(
  options: { east?: Parameters<typeof makeConnector>[3]; west?: Parameters<typeof makeConnector>[3] } = {},
): Promise<{ west: Connector; east: Connector }> {
  const west = makeConnector(registry, relay, await network.identity(), { name: "west", ...options.west });
  const east = makeConnector(registry, relay, await network.identity(), {
    name: "east",
    accept: echo,
    ...options.east,
  });
  connectors.push(west, east);
  return { west, east };
}

describe("a session", () => {
  it("carries a stream in both directions, with data right after OPEN and a half-close", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    stream.end("hello");
    expect((await readAll(stream)).toString()).toBe("hello");
    await expect(stream.accepted).resolves.toBeUndefined();
    await until(() => east.manager.openStreamsTo(west.instance) === 0);
    expect(west.manager.sessions()).toMatchObject([{ state: "up", streams: 0, peer: { siteName: "east" } }]);
  });

  it("carries 200 streams from both sides at once without altering a byte", async () => {
    const { west, east } = await pair({ west: { accept: echo } });
    const run = async (from: Connector, to: Connector): Promise<void> => {
      const stream = await from.manager.open("api", to.instance);
      const data = randomBytes(20_000 + Math.floor(Math.random() * 100_000));
      const answer = readAll(stream);
      for (let at = 0; at < data.length; at += 9_973) {
        if (!stream.write(data.subarray(at, at + 9_973))) await once(stream, "drain");
      }
      stream.end();
      const sum = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
      expect(sum(await answer)).toBe(sum(data));
    };
    await Promise.all(
      Array.from({ length: 200 }, (_, at) => (at % 2 === 0 ? run(west, east) : run(east, west))),
    );
    expect(registry.requests).toBeLessThanOrEqual(2);
    expect(west.manager.sessions()).toHaveLength(1);
    await until(() => west.manager.openStreamsTo(east.instance) === 0);
    await until(() => east.manager.openStreamsTo(west.instance) === 0);
  });

  it("is shared when both sides request it at the same moment", async () => {
    const { west, east } = await pair({ west: { accept: echo } });
    const [there, back] = await Promise.all([
      west.manager.open("api", east.instance),
      east.manager.open("web", west.instance),
    ]);
    there.end("1");
    back.end("2");
    expect((await readAll(there)).toString() + (await readAll(back)).toString()).toBe("12");
    expect(west.manager.sessions()).toHaveLength(1);
    expect(east.manager.sessions()).toHaveLength(1);
    expect(relay.dials).toBe(2);
  });

  it("is requested once for all streams that need it at the same time", async () => {
    const { west, east } = await pair();
    const streams = await Promise.all(
      Array.from({ length: 20 }, () => west.manager.open("api", east.instance)),
    );
    expect(registry.requests).toBe(1);
    for (const stream of streams) stream.destroy();
  });

  it("closes a session with carrier version 1 on both sides after a time without streams, and opens it again when needed", async () => {
    const { west, east } = await pair({ west: { limits: { idleMs: 50 }, carrier: ONE_LANE } });
    (await west.manager.open("api", east.instance)).end().resume();
    await until(() => west.manager.sessions().length + east.manager.sessions().length === 0);
    expect(registry.ended.map(({ code }) => code)).toEqual(["session.closed", "session.closed"]);
    const again = await west.manager.open("api", east.instance);
    again.end("again");
    expect((await readAll(again)).toString()).toBe("again");
    expect(registry.requests).toBe(2);
  });

  it("stays open while an idle stream is open", async () => {
    const { west, east } = await pair({ west: { limits: { idleMs: 40 } }, east: { limits: { idleMs: 40 } } });
    const stream = await west.manager.open("api", east.instance);
    await new Promise((resolve) => setTimeout(resolve, 200));
    stream.end("still here");
    expect((await readAll(stream)).toString()).toBe("still here");
  });

  it("resets the streams of carrier version 1 with session.lost when the lane is cut, and opens a new session for the next stream", async () => {
    const { west, east } = await pair({ east: { carrier: ONE_LANE, accept: echo } });
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    relay.cut();
    const [error] = await once(stream, "error");
    expect((error as FairleadError).code).toBe("session.lost");
    await until(() => east.manager.sessions().length === 0);
    const next = await west.manager.open("api", east.instance);
    next.end("x");
    expect((await readAll(next)).toString()).toBe("x");
    expect(registry.requests).toBe(2);
    expect(registry.resumes).toBe(0);
  });

  it("is closed by the registry with a code, on both sides", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    const [{ session } = { session: "" }] = west.manager.sessions();
    const failed = once(stream, "error");
    east.manager.cut(session, "session.revoked");
    expect(((await failed)[0] as FairleadError).code).toBe("session.revoked");
    expect(registry.ended.map(({ code }) => code)).toEqual(["session.revoked", "session.revoked"]);
  });

  it("counts against the limit of its site; there the oldest session without streams closes, or the new session is refused", async () => {
    const limits = { maxSessionsPerSite: 2 };
    const { east } = await pair({ east: { limits } });
    const identity = await network.identity();
    const open = async () => {
      const west = makeConnector(registry, relay, identity, { name: "west" });
      connectors.push(west);
      const stream = await west.manager.open("api", east.instance);
      await stream.accepted;
      return stream;
    };
    const [first, second] = [await open(), await open()];
    await expect(open()).rejects.toThrow();
    expect(east.manager.sessions()).toHaveLength(2);
    first.destroy();
    await until(() => east.manager.streams === 1);
    const third = await open();
    expect(east.manager.sessions()).toHaveLength(2);
    expect([second.destroyed, third.destroyed]).toEqual([false, false]);
    expect(registry.ended.map(({ code }) => code)).toContain("session.limit");
    // Another site has a limit of its own.
    const other = makeConnector(registry, relay, await network.identity(), { name: "north" });
    connectors.push(other);
    await (await other.manager.open("api", east.instance)).accepted;
  });

  it("resets its streams with session.replaced when a newer session replaces it", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    const failed = once(stream, "error");
    const [summary] = west.manager.sessions();
    if (summary === undefined) throw new Error("no session");
    const session = randomId("session");
    const newer = { session, generation: 1, lane: 0, ticket: `${session}~`, tickets: [`${session}~`] };
    west.manager.offered({ ...newer, peer: east.instance });
    east.manager.offered({ ...newer, peer: west.instance });
    expect(((await failed)[0] as FairleadError).code).toBe("session.replaced");
    const next = await west.manager.open("api", east.instance);
    next.end("new");
    expect((await readAll(next)).toString()).toBe("new");
    expect(west.manager.sessions()).toMatchObject([{ session, state: "up" }]);
  });

  it("ignores an invitation to an older generation than its own", async () => {
    const { west, east } = await pair();
    await (await west.manager.open("api", east.instance)).accepted;
    const [summary] = west.manager.sessions();
    if (summary === undefined) throw new Error("no session");
    const { session, peer } = summary;
    west.manager.offered({ session, generation: 1, lane: 0, ticket: "old", peer });
    expect(west.manager.sessions()).toEqual([summary]);
    expect(relay.dials).toBe(2);
  });

  it("resets its streams with session.closed when the manager closes, which then opens no sessions", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    const failed = once(stream, "error");
    await east.manager.close();
    expect(((await failed)[0] as FairleadError).code).toBe("session.closed");
    expect(await codeOf(east.manager.open("api", west.instance))).toBe("session.closed");
    expect(east.manager.sessions()).toEqual([]);
  });
});

describe("SessionManager.open", () => {
  it("requests a fresh invitation once when the peer did not meet the lane", async () => {
    const { west, east } = await pair();
    relay.refuse.push("lane.unmet", "lane.unmet");
    const stream = await west.manager.open("api", east.instance);
    stream.end("second try");
    expect((await readAll(stream)).toString()).toBe("second try");
    expect(registry.requests).toBe(2);
  });

  it("requests a fresh invitation once after a stale ticket, and then throws", async () => {
    const { west, east } = await pair();
    relay.refuse.push("ticket.stale", "ticket.stale", "ticket.stale", "ticket.stale");
    expect(await codeOf(west.manager.open("api", east.instance))).toBe("ticket.stale");
    expect(registry.requests).toBe(2);
    expect(west.manager.sessions()).toEqual([]);
  });

  it("does not repeat a request that the registry refused", async () => {
    const { west, east } = await pair();
    registry.request = async () => {
      registry.requests++;
      throw new FairleadError("session.forbidden");
    };
    expect(await codeOf(west.manager.open("api", east.instance))).toBe("session.forbidden");
    expect(registry.requests).toBe(1);
  });

  it("throws session.timeout when the peer never dials", async () => {
    const pass = holdTime();
    registry.intercept = () => {};
    const { west, east } = await pair({ west: { limits: { upMs: 1000 } } });
    let code: string | null = null;
    void codeOf(west.manager.open("api", east.instance)).then((found) => {
      code = found;
    });
    await eventually("the session is given up", async () => {
      await pass(50);
      return code;
    });
    expect(code).toBe("session.timeout");
    expect(registry.ended.map(({ code }) => code)).toEqual(["session.timeout", "session.timeout"]);
  });

  it("throws session.timeout when the registry never answers", async () => {
    registry.request = () => new Promise(() => {});
    const { west, east } = await pair({ west: { limits: { upMs: 50 } } });
    expect(await codeOf(west.manager.open("api", east.instance))).toBe("session.timeout");
  });

  it("throws the failure of a dial", async () => {
    const { west, east } = await pair();
    await relay.stop();
    expect(await codeOf(west.manager.open("api", east.instance))).toBe("lane.failed");
    relay = await TestRelay.start();
  });
});

describe("bytes that were altered on the way", () => {
  it("close the session with session.tampered on the receiving side", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    relay.alter = (data) => {
      // A short message is an acknowledgement, which may still be on its way.
      if (data.length < 30) return data;
      const altered = Buffer.from(data);
      const at = altered.length - 1;
      altered[at] = (altered[at] ?? 0) ^ 1;
      return altered;
    };
    const failed = once(stream, "error");
    stream.write("some bytes");
    expect(((await failed)[0] as FairleadError).code).toBe("session.tampered");
    await until(() => registry.ended.length === 2);
    expect(registry.ended.map(({ code }) => code)).toEqual(["session.tampered", "session.tampered"]);
  });

  it.each([
    ["the carrier", undefined, "session.malformed"],
    ["TLS over carrier version 1, which does not number them", ONE_LANE, "session.tampered"],
  ])("close the session when a message is dropped, detected by %s", async (_, carrier, code) => {
    const { west, east } = await pair(carrier === undefined ? {} : { west: { carrier } });
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    let dropped = false;
    relay.alter = (data) => {
      if (dropped || data.length < 30) return data;
      dropped = true;
      return null;
    };
    const failed = once(stream, "error");
    stream.write("lost");
    await new Promise((resolve) => setTimeout(resolve, 20));
    stream.write("kept");
    expect(((await failed)[0] as FairleadError).code).toBe(code);
  });
});

describe("streams from client to target", () => {
  let server: Server;
  let handle: (socket: Socket) => void;

  beforeEach(async () => {
    server = createServer({ allowHalfOpen: true }, (socket) => handle(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterEach(() => void server.close());

  const dialTarget = async (): Promise<Duplex> => {
    const { port } = server.address() as AddressInfo;
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  };

  /** Opens a listener at west, whose clients reach the target at east. */
  async function listen(west: Connector, east: Connector): Promise<Server> {
    const listener = createServer({ allowHalfOpen: true }, async (client) => {
      const stream = await west.manager.open("api", east.instance);
      joining.join(client, stream, joining.start({ side: "listener", service: "api", stream }));
    });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    return listener;
  }

  it("let a client half-close and read the whole answer", async () => {
    handle = (socket) => {
      const chunks: Buffer[] = [];
      socket.on("data", (chunk) => chunks.push(chunk));
      socket.on("end", () => socket.end(`got ${Buffer.concat(chunks).length}`));
    };
    const { west, east } = await pair({ east: { accept: dialTarget } });
    const listener = await listen(west, east);
    const client = connect({ port: (listener.address() as AddressInfo).port, allowHalfOpen: true });
    client.end(Buffer.alloc(3_000_000));
    expect((await readAll(client)).toString()).toBe("got 3000000");
    await until(() => west.manager.openStreamsTo(east.instance) === 0);
    listener.close();
  });

  it("reset the target when the client resets its connection", async () => {
    const seen = Promise.withResolvers<Error>();
    handle = (socket) => {
      socket.on("error", seen.resolve);
      socket.resume();
    };
    const { west, east } = await pair({ east: { accept: dialTarget } });
    const listener = await listen(west, east);
    const client = connect({ port: (listener.address() as AddressInfo).port });
    client.on("error", () => {});
    client.write("half a request");
    await until(() => east.manager.openStreamsTo(west.instance) === 1);
    client.resetAndDestroy();
    expect(await seen.promise).toMatchObject({ code: "ECONNRESET" });
    await until(() => east.manager.openStreamsTo(west.instance) === 0);
    listener.close();
  });

  it("reset the client when the session is lost, so that half an answer does not look complete", async () => {
    handle = (socket) => {
      socket.on("error", () => {});
      socket.write("half an answer");
    };
    const { west, east } = await pair({ east: { accept: dialTarget, carrier: ONE_LANE } });
    const listener = await listen(west, east);
    const client = connect({ port: (listener.address() as AddressInfo).port });
    await once(client, "data");
    const failed = once(client, "error");
    relay.cut();
    expect((await failed)[0]).toMatchObject({ code: "ECONNRESET" });
    listener.close();
  });

  it("are refused with the code of the target's failure", async () => {
    const { west, east } = await pair({
      east: { accept: () => Promise.reject(new FairleadError("service.refused", "127.0.0.1:1 refused")) },
    });
    const stream = await west.manager.open("api", east.instance);
    stream.write("early data");
    await expect(stream.accepted).rejects.toMatchObject({
      code: "service.refused",
      message: "127.0.0.1:1 refused",
    });
    await until(() => stream.destroyed);
    expect(await codeOf(stream.accepted)).toBe("service.refused");
    // The session stays up.
    expect(west.manager.sessions()).toMatchObject([{ state: "up", streams: 0 }]);
  });

  it("are refused with stream.internal when the target's failure has no code", async () => {
    const { west, east } = await pair({ east: { accept: () => Promise.reject(new TypeError("a bug")) } });
    const stream = await west.manager.open("api", east.instance);
    expect(await codeOf(stream.accepted)).toBe("stream.internal");
  });

  it("drop a target that connects after the client has left", async () => {
    const target = new PassThrough();
    const late = Promise.withResolvers<Duplex>();
    let incoming: Duplex | undefined;
    const { west, east } = await pair({
      east: {
        accept: (stream) => {
          incoming = stream;
          return late.promise;
        },
      },
    });
    const stream = await west.manager.open("api", east.instance);
    await until(() => incoming !== undefined);
    stream.destroy();
    await until(() => incoming?.destroyed === true);
    late.resolve(target);
    await until(() => target.destroyed);
    expect(incoming?.errored).toMatchObject({ code: "stream.cancelled" });
  });

  it("stop their writer when their reader stalls, without delaying other streams", async () => {
    const sink = new PassThrough({ highWaterMark: 1024 });
    let first = true;
    const window = 256 * 1024;
    const { west, east } = await pair({
      east: {
        limits: { window },
        accept: async () => {
          if (!first) return new PassThrough();
          first = false;
          // Reads no more than its buffer holds.
          return Duplex.from({ writable: sink, readable: new PassThrough() });
        },
      },
    });
    const stalled = await west.manager.open("bulk", east.instance);
    const chunk = Buffer.alloc(64 * 1024);
    let written = 0;
    const write = (): void => {
      while (written < 64 * 1024 * 1024) {
        written += chunk.length;
        if (!stalled.write(chunk)) return;
      }
    };
    stalled.on("drain", write);
    write();
    await new Promise((resolve) => setTimeout(resolve, 300));
    // One window at the reader, the buffers of both Duplexes, and the send buffer of the stream.
    expect(written).toBeLessThan(window + 1024 * 1024);
    const other = await west.manager.open("api", east.instance);
    other.end("through");
    expect((await readAll(other)).toString()).toBe("through");
    sink.resume();
    await until(() => written > 8 * 1024 * 1024);
    stalled.destroy();
  });

  it("deliver all earlier bytes in order to a late reader, in pieces of any size", async () => {
    const incoming = Promise.withResolvers<SessionStream>();
    const { west, east } = await pair({
      east: {
        accept: (stream) => {
          incoming.resolve(stream as SessionStream);
          return new Promise(() => {});
        },
      },
    });
    const stream = await west.manager.open("api", east.instance);
    const reader = await incoming.promise;
    for (let at = 0; at < 3000; at++) {
      stream.write(Buffer.alloc(7, at));
      if (at % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    stream.end();
    await until(() => west.manager.openStreamsTo(east.instance) === 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    reader.accept();
    const got = await readAll(reader);
    expect(got.length).toBe(21_000);
    expect(got.equals(Buffer.concat(Array.from({ length: 3000 }, (_, at) => Buffer.alloc(7, at))))).toBe(
      true,
    );
    reader.end();
    stream.resume();
  });

  it("are limited in number by the peer", async () => {
    const { west, east } = await pair({
      east: { limits: { maxStreams: 2 }, accept: () => new Promise(() => {}) },
    });
    const one = await west.manager.open("api", east.instance);
    await west.manager.open("api", east.instance);
    expect(await codeOf(west.manager.open("api", east.instance))).toBe("stream.limit");
    one.destroy();
    await west.manager.open("api", east.instance);
  });
});

describe("the TLS roles", () => {
  it("work whichever side has the lower boot id", async () => {
    for (const asked of [0, 1]) {
      const boots = orderedBoots();
      const { west, east } = await pair({
        west: { boot: boots[asked === 0 ? 0 : 1] },
        east: { boot: boots[asked === 0 ? 1 : 0] },
      });
      const stream = await west.manager.open("api", east.instance);
      stream.end("ok");
      expect((await readAll(stream)).toString()).toBe("ok");
    }
  });
});
