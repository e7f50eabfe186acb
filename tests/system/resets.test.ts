/**
 * Bytes before a TCP reset: as many arrive through Fairlead as over plain TCP, which is the control in each test.
 */
import { once } from "node:events";
import { connect, Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { abreast } from "../support/clock/abreast.ts";
import { eventually } from "../support/clock/eventually.ts";
import { useEdge } from "../support/run/suite.ts";
import { bytesOf, type Place, serve, sha256, type TestServer } from "../support/traffic/servers.ts";

const suite = useEdge();

/** The bytes that a client received, and how its connection ended. */
interface Heard {
  readonly bytes: Buffer;
  readonly end: string;
}

/**
 * Sends `body` and reads everything up to the end or the reset. A Node socket stops reading when a write fails; this
 * client reads on.
 */
async function hear(place: Place, body: Uint8Array): Promise<Heard> {
  const socket = connect({ ...place, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  let broken = "end";
  socket._write = function (this: Socket, chunk: unknown, encoding, done) {
    Socket.prototype._write.call(this, chunk, encoding, (error) => {
      if (error) broken = (error as NodeJS.ErrnoException).code ?? error.message;
      done();
    });
  };
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  socket.on("end", () => resolve(broken));
  await once(socket, "connect");
  for (let at = 0; at < body.length && !socket.destroyed; at += 16_384) {
    if (!socket.write(body.subarray(at, at + 16_384))) {
      await Promise.race([once(socket, "drain").catch(() => {}), ended]);
    }
  }
  const end = await ended;
  socket.destroy();
  return { bytes: Buffer.concat(chunks), end };
}

/** Starts two sites with the service `api`. Returns where clients reach it. */
async function reach(server: TestServer, mode: "end-to-end" | "hop"): Promise<Place> {
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  const hop = mode === "hop";
  const [, west] = await Promise.all([
    suite.cluster.connector({
      ...{ site: "east", token, bind: "127.2.90.0/24", expose: [`api=${server.at}`] },
      args: hop ? ["--hop", "api"] : [],
    }),
    suite.cluster.connector({
      ...{ site: "west", token, bind: "127.2.91.0/24" },
      args: hop ? ["--allow-hop", "all"] : [],
    }),
  ]);
  return await west.listener("api");
}

const ROUNDS = 25;
/** Rounds at the same time: a reset waits for the kernel's queue, and most of a round is that. */
const ABREAST = 5;

/** Counts the bytes lost in all rounds together, and collects how the connections ended. */
async function lost(place: Place, body: Uint8Array, answer: Buffer) {
  let bytes = 0;
  const ends = new Set<string>();
  await abreast(Array(ROUNDS), ABREAST, async () => {
    const heard = await hear(place, body);
    expect(answer.subarray(0, heard.bytes.length).equals(heard.bytes), "what came is in order").toBe(true);
    bytes += answer.length - heard.bytes.length;
    ends.add(heard.end);
  });
  return { bytes, ends };
}

describe.each(["end-to-end", "hop"] as const)("An answer before a reset, with %s encryption,", (mode) => {
  it("arrives whole from a target that writes it all and resets", async () => {
    const answer = bytesOf("an answer", 48_000);
    const server = await serve((socket) => {
      socket.once("data", () => socket.write(answer, () => socket.resetAndDestroy()));
    });
    const place = await reach(server, mode);
    const plain = await lost(server, Buffer.from("?"), answer);
    const through = await lost(place, Buffer.from("?"), answer);
    expect(through.bytes).toBeLessThanOrEqual(plain.bytes);
    expect([...through.ends]).toEqual(["ECONNRESET"]);
  });

  it("arrives from a target that refuses a large body and resets while the body is being sent", async () => {
    const answer = Buffer.concat([
      Buffer.from("HTTP/1.1 413 Content Too Large\r\n\r\n"),
      bytesOf("why", 8000),
    ]);
    const server = await serve((socket) => {
      // Reads the first bytes only. The kernel also resets when a socket with unread bytes is closed.
      socket.once("data", () => {
        socket.pause();
        socket.write(answer, () => socket.resetAndDestroy());
      });
    });
    const place = await reach(server, mode);
    const body = bytesOf("a body", 4 * 1024 * 1024);
    const plain = await lost(server, body, answer);
    const through = await lost(place, body, answer);
    expect(through.bytes).toBeLessThanOrEqual(plain.bytes);
    expect(through.ends).not.toContain("end");
    expect(plain.ends).not.toContain("end");
  });
});

describe("A request before a reset", () => {
  it("reaches the target before the reset does", async () => {
    const said = bytesOf("said", 48_000);
    const heard: { bytes: string; error: string }[] = [];
    const server = await serve((socket) => {
      const chunks: Buffer[] = [];
      socket.write("!");
      socket.on("data", (chunk: Buffer) => chunks.push(chunk));
      const done = (error: string) => heard.push({ bytes: sha256(Buffer.concat(chunks)), error });
      socket.on("end", () => done("end"));
      socket.on("error", (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    });
    const place = await reach(server, "end-to-end");
    for (const each of [server, place]) {
      heard.length = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const socket = connect(each);
        await once(socket, "data");
        socket.write(said, () => socket.resetAndDestroy());
        await once(socket, "close");
      }
      await eventually("the target has seen every client end", () => heard.length === ROUNDS, {
        within: 60_000,
      });
      for (const one of heard) expect(one).toEqual({ bytes: sha256(said), error: "ECONNRESET" });
    }
  });
});

describe("A long answer before a reset", () => {
  it("arrives at a slow client as far as the target's kernel had sent it", async () => {
    const answer = bytesOf("long", 3 * 1024 * 1024);
    const server = await serve((socket) => {
      socket.once("data", () => socket.write(answer, () => socket.resetAndDestroy()));
    });
    const place = await reach(server, "end-to-end");
    const slowly = async (at: Place): Promise<Heard> => {
      const socket = connect(at);
      socket.on("error", () => {});
      socket.write("?");
      const chunks: Buffer[] = [];
      const { promise: ended, resolve } = Promise.withResolvers<string>();
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
      socket.on("end", () => resolve("end"));
      socket.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        socket.pause();
        setTimeout(() => socket.resume(), 2);
      });
      const end = await ended;
      return { bytes: Buffer.concat(chunks), end };
    };
    const plain = await slowly(server);
    const through = await slowly(place);
    expect(answer.subarray(0, through.bytes.length).equals(through.bytes)).toBe(true);
    expect(through.bytes.length).toBeGreaterThanOrEqual(Math.min(plain.bytes.length, answer.length));
    expect(through.end).toBe("ECONNRESET");
  });
});
