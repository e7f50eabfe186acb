/** Sessions that lose and recover their lanes, with real TLS over a local relay. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { Duplex, PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FairleadError } from "../../../../protocol/errors.ts";
import { TestNetwork } from "../../../support/authority/certificates.ts";
import { ServedClock } from "../../../support/clock/served-clock.ts";
import {
  type Connector,
  makeConnector,
  TestRegistry,
  TestRelay,
  until,
} from "../../../support/connector/session-stand.ts";

let network: TestNetwork;
let relay: TestRelay;
let registry: TestRegistry;
const connectors: Connector[] = [];
type Options = Parameters<typeof makeConnector>[3];

beforeEach(async () => {
  network ??= await TestNetwork.create();
  relay = await TestRelay.start();
  registry = new TestRegistry();
});

afterEach(async () => {
  await Promise.all(connectors.splice(0).map(({ manager }) => manager.close()));
  await relay.stop();
});

const echo = async (): Promise<Duplex> => new PassThrough();

async function pair(options: { east?: Options; west?: Options } = {}) {
  const west = makeConnector(registry, relay, await network.identity(), { name: "west", ...options.west });
  const east = makeConnector(registry, relay, await network.identity(), {
    name: "east",
    accept: echo,
    ...options.east,
  });
  connectors.push(west, east);
  return { west, east };
}

/** Cuts of a transfer, of all lanes or of one. */
const MOST_CUTS = 30;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const only = ({ manager }: Connector) => {
  const [session, ...rest] = manager.sessions();
  if (session === undefined || rest.length > 0) throw new Error("not one session");
  return session;
};

/** Echoes so many bytes through a stream and compares checksums. */
async function transfer(west: Connector, east: Connector, bytes: number, pauseMs = 0): Promise<void> {
  const stream = await west.manager.open("api", east.instance);
  const [sent, got] = [createHash("sha256"), createHash("sha256")];
  stream.on("data", (chunk: Buffer) => got.update(chunk));
  const ended = once(stream, "end");
  for (let left = bytes; left > 0; ) {
    const chunk = randomBytes(Math.min(left, 1 + Math.floor(Math.random() * 40_000)));
    left -= chunk.length;
    sent.update(chunk);
    if (!stream.write(chunk)) await once(stream, "drain");
    if (pauseMs > 0) await sleep(Math.random() * pauseMs);
  }
  stream.end();
  await ended;
  expect(got.digest("hex")).toBe(sent.digest("hex"));
}

describe("a session whose lane is cut", () => {
  it("closes with session.lost at an edge that cannot resume it, and the next stream opens a new session (new connector → old edge)", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    // The answer of the uplink for such an edge.
    registry.refuseResume = "session.lost";
    registry.old = true;
    relay.cut();
    expect((await once(stream, "error"))[0]).toMatchObject({ code: "session.lost" });
    await until(() => east.manager.sessions().length === 0);
    await transfer(west, east, 10_000);
    expect(registry.requests).toBe(2);
  });

  it("continues over another lane without affecting its streams", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    stream.write("before ");
    await once(stream, "data");
    const before = only(west);
    relay.cut();
    stream.write("after");
    const [data] = (await once(stream, "data")) as [Buffer];
    expect(data.toString()).toBe("after");
    expect(only(west)).toMatchObject({ session: before.session, generation: 2, state: "up", lanes: 1 });
    expect(registry.requests).toBe(1);
    stream.destroy();
  });

  it.each([1, 3])(
    "loses no byte of 100 streams while its lanes are cut repeatedly, with %i lanes",
    async (lanes) => {
      const limits = { lanes };
      const { west, east } = await pair({ west: { limits }, east: { limits } });
      // A session that loses its lane before it is up cannot be resumed.
      await transfer(west, east, 1);
      const { session } = only(west);
      let cuts = 0;
      let running = true;
      const cutting = (async () => {
        // Not for ever: a machine that is too busy to join a lane between two cuts would carry nothing.
        while (running && cuts < MOST_CUTS) {
          await sleep(50 + Math.random() * 250);
          if (cuts++ % 2 === 0) relay.cut();
          else relay.cutOne((below) => Math.floor(Math.random() * below));
        }
      })();
      try {
        await Promise.all(
          Array.from({ length: 100 }, (_, at) => transfer(west, east, at === 0 ? 2_000_000 : 60_000, 60)),
        );
      } finally {
        running = false;
        await cutting;
      }
      expect(cuts).toBeGreaterThan(3);
      expect(only(west)).toMatchObject({ session });
      expect(only(west).generation).toBeGreaterThan(2);
      // One session has one TLS handshake.
      expect(registry.requests).toBe(1);
    },
  );

  it("continues after an outage of the relay", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    relay.down = true;
    relay.cut();
    stream.write("while it was away");
    const before = registry.resumes;
    await until(() => registry.resumes >= before + 3);
    expect(only(west).state).toBe("resuming");
    relay.down = false;
    const [data] = (await once(stream, "data")) as [Buffer];
    expect(data.toString()).toBe("while it was away");
    expect(only(west).state).toBe("up");
    stream.destroy();
  });

  it("lets new streams wait for the next lane", async () => {
    const { west, east } = await pair();
    const first = await west.manager.open("api", east.instance);
    await first.accepted;
    relay.down = true;
    relay.cut();
    await until(() => only(west).state === "resuming");
    const waiting = transfer(west, east, 10_000);
    relay.down = false;
    await waiting;
    expect(registry.requests).toBe(1);
    first.destroy();
  });

  it("parks when it has no streams", async () => {
    const { west, east } = await pair();
    await transfer(west, east, 10_000);
    await until(() => [west, east].every((side) => only(side).streams === 0 && only(side).held.out === 0));
    relay.cut();
    await until(() => only(west).state === "parked" && only(east).state === "parked");
    expect(registry.resumes).toBe(0);
    await transfer(west, east, 10_000);
    expect(registry.requests).toBe(1);
    expect(only(west).generation).toBe(2);
  });
});

describe("a lane that drops all messages", () => {
  it("is replaced by another lane, which is dialled before the first is closed", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    stream.write("1");
    await once(stream, "data");
    relay.blackhole();
    using served = new ServedClock();
    const from = performance.now();
    stream.write("2");
    const [data] = (await once(stream, "data")) as [Buffer];
    expect(data.toString()).toBe("2");
    expect(performance.now() - from).toBeGreaterThan(4000);
    expect(served.ms).toBeLessThan(8000);
    expect(only(west)).toMatchObject({ generation: 2, state: "up" });
    await until(() => relay.lanes === 2);
    stream.destroy();
  });
});

describe("LaneRecovery", () => {
  it("closes a lane without a valid proof, and the session stays up", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    let wrong = 0;
    relay.alterText = (text) => {
      const preface = JSON.parse(text);
      if (preface.proof === undefined || wrong >= 2) return text;
      wrong++;
      // Claims another count of received bytes than its sender did.
      return JSON.stringify(
        wrong === 1 ? { ...preface, received: preface.received - 1 } : { ...preface, proof: undefined },
      );
    };
    relay.cut();
    stream.write("still here");
    const [data] = (await once(stream, "data")) as [Buffer];
    expect(data.toString()).toBe("still here");
    expect(wrong).toBe(2);
    expect(only(west).generation).toBeGreaterThan(2);
    stream.destroy();
  });

  it("ends the session with session.unknown when the peer is another process", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    const failed = once(stream, "error");
    registry.forget(east);
    using served = new ServedClock();
    relay.cut();
    expect(((await failed)[0] as FairleadError).code).toBe("session.unknown");
    expect(served.ms).toBeLessThan(1000);
  });

  it("ends the session with session.unknown when the peer closed it during an outage", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    const failed = once(stream, "error");
    relay.blackhole();
    east.manager.cut(only(east).session, "session.closed");
    relay.cut();
    expect(((await failed)[0] as FairleadError).code).toBe("session.unknown");
  });

  it("ends the session with session.timeout when no lane joins within the limit", async () => {
    const { west, east } = await pair({ west: { limits: { sessionTimeoutMs: 400 } } });
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    const failed = once(stream, "error");
    registry.refuseResume = "session.peer_offline";
    const from = performance.now();
    relay.cut();
    expect(((await failed)[0] as FairleadError).code).toBe("session.timeout");
    expect(performance.now() - from).toBeGreaterThan(350);
    expect(west.manager.sessions()).toEqual([]);
  });

  it("ends the session when the registry forbids it", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    const failed = once(stream, "error");
    registry.refuseResume = "session.revoked";
    relay.cut();
    expect(((await failed)[0] as FairleadError).code).toBe("session.revoked");
  });

  it("does not recover a session that the registry closed", async () => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    const { session } = only(west);
    const failed = once(stream, "error");
    relay.cut();
    west.manager.cut(session, "session.revoked");
    east.manager.cut(session, "session.revoked");
    expect(((await failed)[0] as FairleadError).code).toBe("session.revoked");
    await sleep(200);
    expect(west.manager.sessions()).toEqual([]);
    expect(east.manager.sessions()).toEqual([]);
  });

  it("leaves no lane open that waits for its peer", async () => {
    const patient = { limits: { upMs: 30_000 } };
    const { west, east } = await pair({ west: patient, east: patient });
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    const { session } = only(west);
    stream.on("error", () => {});
    // Each side dials a lane of its own, and waits there for a peer that does not dial.
    let lane = 0;
    registry.intercept = () => {};
    registry.alterGrant = (invitation) => ({ ...invitation, tickets: [`alone${++lane}~`] });
    relay.cut();
    await until(() => lane === 2 && relay.lanes === 2);
    west.manager.cut(session, "session.revoked");
    east.manager.cut(session, "session.revoked");
    // Much sooner than the time limit of a handshake.
    await until(() => relay.lanes === 0);
  });

  it("lets a stream open a new session when the parked one is unknown to the registry", async () => {
    const { west, east } = await pair({ west: { limits: { parkAfterMs: 30 } } });
    await transfer(west, east, 1000);
    await until(() => only(west).state === "parked");
    east.manager.cut(only(east).session, "session.closed");
    await transfer(west, east, 1000);
    expect(registry.requests).toBe(2);
  });
});

describe("a session without streams", () => {
  it("releases its lanes, and the next stream of either side recovers them", async () => {
    const { west, east } = await pair({ west: { limits: { parkAfterMs: 50 }, accept: echo } });
    for (const [from, to] of [
      [west, east],
      [east, west],
      [west, east],
    ] as const) {
      await transfer(from, to, 50_000);
      await until(() => only(west).state === "parked" && only(east).state === "parked");
      await until(() => relay.lanes === 0);
      expect(only(west).lanes).toBe(0);
    }
    expect(registry.requests).toBe(1);
    expect(only(west).generation).toBe(3);
  });

  it("keeps its lanes while an idle stream is open", async () => {
    const limits = { parkAfterMs: 40 };
    const { west, east } = await pair({ west: { limits }, east: { limits } });
    const stream = await west.manager.open("api", east.instance);
    await sleep(200);
    expect(only(west).state).toBe("up");
    stream.destroy();
    await until(() => only(west).state === "parked");
  });

  it("is closed when it was parked for too long", async () => {
    const limits = { parkAfterMs: 30, parkedMs: 60 };
    const { west, east } = await pair({ west: { limits }, east: { limits } });
    await transfer(west, east, 1000);
    await until(() => west.manager.sessions().length + east.manager.sessions().length === 0);
    expect(registry.ended.map(({ code }) => code)).toEqual(["session.closed", "session.closed"]);
  });
});

describe("an edge that cannot resume sessions", () => {
  it("gets sessions with carrier version 1", async () => {
    registry.old = true;
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    await stream.accepted;
    relay.cut();
    expect(((await once(stream, "error"))[0] as FairleadError).code).toBe("session.lost");
    expect(registry.resumes).toBe(0);
    await transfer(west, east, 10_000);
  });
});

describe("a relay", () => {
  const flip = (data: Buffer, at: number): Buffer => {
    const altered = Buffer.from(data);
    altered[at] = (altered[at] ?? 0) ^ 0x10;
    return altered;
  };
  let held: Buffer | null;
  const onlyOnce = (change: (data: Buffer) => Buffer | Buffer[] | null) => {
    let done = false;
    return (data: Buffer) => {
      if (done || data.length < 30) return data;
      done = true;
      return change(data);
    };
  };

  it.each<[string, () => (data: Buffer) => Buffer | Buffer[] | null, RegExp]>([
    ["alters a byte of a record", () => onlyOnce((data) => flip(data, data.length - 1)), /tampered/],
    ["alters an offset to earlier bytes", () => onlyOnce((data) => flip(data, 9)), /tampered|malformed/],
    ["alters a message's type", () => onlyOnce((data) => flip(data, 0)), /malformed/],
    ["drops a message", () => onlyOnce(() => null), /malformed/],
    ["repeats a message", () => onlyOnce((data) => [data, data]), /malformed/],
    [
      "swaps two messages",
      () => {
        held = null;
        let done = false;
        return (data: Buffer) => {
          if (done || data.length < 30) return data;
          if (held === null) {
            held = data;
            return null;
          }
          done = true;
          return [data, held];
        };
      },
      /malformed/,
    ],
  ])("that %s is detected, and the session closes on both sides", async (_, makeAlter, codes) => {
    const { west, east } = await pair();
    const stream = await west.manager.open("api", east.instance);
    stream.on("error", () => {});
    await stream.accepted;
    relay.alter = makeAlter();
    const writing = setInterval(() => stream.write(randomBytes(1000)), 5);
    try {
      await until(() => registry.ended.length === 2);
    } finally {
      clearInterval(writing);
    }
    for (const { code } of registry.ended) expect(code).toMatch(codes);
    expect(registry.ended.map(({ by }) => by).sort()).toEqual(["east", "west"]);
  });

  it("ends no session when a path only delays messages", async () => {
    const { west, east } = await pair();
    relay.delayMs = 100;
    await Promise.all(Array.from({ length: 10 }, () => transfer(west, east, 200_000)));
    expect(only(west).generation).toBe(1);
    const stream = await west.manager.open("api", east.instance);
    await until(() => only(west).rtt !== null);
    expect(only(west).rtt).toBeGreaterThan(150);
    stream.destroy();
  });
});

describe("the memory of a session", () => {
  it("stays bounded when a reader stalls, and other streams continue", async () => {
    let first = true;
    const { west, east } = await pair({
      east: {
        accept: async () => {
          if (!first) return new PassThrough();
          first = false;
          return Duplex.from({
            writable: new PassThrough({ highWaterMark: 1024 }),
            readable: new PassThrough(),
          });
        },
      },
    });
    const stalled = await west.manager.open("bulk", east.instance);
    let written = 0;
    const chunk = Buffer.alloc(64 * 1024);
    const write = (): void => {
      while (written < 1 << 28) {
        written += chunk.length;
        if (!stalled.write(chunk)) return;
      }
    };
    stalled.on("drain", write);
    write();
    let peak = 0;
    const watch = setInterval(() => {
      for (const { manager } of [west, east]) {
        for (const { held } of manager.sessions()) peak = Math.max(peak, held.out + held.in);
      }
    }, 1);
    for (let at = 0; at < 5; at++) {
      await transfer(west, east, 3_000_000);
      relay.cut();
    }
    clearInterval(watch);
    expect(peak).toBeLessThan(18 * 1024 * 1024);
    expect(written).toBeLessThan(24 * 1024 * 1024);
    stalled.destroy();
  });

  it("is freed once the peer has acknowledged", async () => {
    const { west, east } = await pair();
    await transfer(west, east, 3_000_000);
    await until(() => only(west).held.out === 0 && only(east).held.out === 0);
  });
});
