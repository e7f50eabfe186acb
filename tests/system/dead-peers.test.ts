/** Peers that are killed or frozen: open streams are reset soon, and new clients go to another site. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { endCodes } from "../support/connector/sessions.ts";
import { type Connector, eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { dial, type Place, serve } from "../support/traffic/servers.ts";

const suite = useEdge();
const DEBUG = ["--log-level", "debug"];
/** Session timeout that is too long to be what ends the session. */
const TIMEOUT = ["--session-timeout", "10m"];
/** Far below the session timeout, and enough for a busy machine: the grace period follows the round trip. */
const SOON = { within: 100_000 };

/** Starts a server that sends its name first and then echoes. */
const named = (name: string) =>
  serve((socket) => {
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });

/** Connects and reads the name of the server. */
async function greeted(place: Place): Promise<{ socket: Socket; by: string }> {
  const socket = await dial(place);
  const [first] = (await once(socket, "data")) as [Buffer];
  return { socket, by: first.toString().trim() };
}

/** Starts east, which offers the service `api`, and west, which has its clients at addresses of its own. */
async function startPair(bind: string) {
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  const server = await named("east");
  const args = [...DEBUG, ...TIMEOUT];
  const [east, west] = await Promise.all([
    suite.cluster.connector({ site: "east", token, expose: [`api=${server.at}`], args }),
    suite.cluster.connector({ site: "west", token, bind, args }),
  ]);
  return { east, west, server };
}

/** Returns the code of a connection's error, or null while there is none. */
function failureOf(socket: Socket): () => string | null {
  let failure: string | null = null;
  socket.on("error", (error: NodeJS.ErrnoException) => {
    failure = error.code ?? error.message;
  });
  return () => failure;
}

// These tests wait for most of their time, so they run at the same time, each in a network of its own.
describe.concurrent("A session whose peer is killed with -9 and stays away", () => {
  const ends = [
    { end: "offers the service", bind: "127.3.0.0/16" },
    { end: "has the clients", bind: "127.4.0.0/16" },
  ] as const;
  for (const { end, bind } of ends) {
    it(`ends with session.peer_gone long before its timeout when the peer ${end}`, async () => {
      const { east, west, server } = await startPair(bind);
      const { socket } = await greeted(await west.listener("api"));
      const [killed, left] = end === "offers the service" ? [east, west] : [west, east];
      const [served] = server.sockets;
      const failure = failureOf(left === west ? socket : (served as Socket));
      socket.on("error", () => {});
      await killed.kill9();
      await eventually("the connection is reset", () => failure() === "ECONNRESET", SOON);
      await eventually("the log says why", () => endCodes(left).length > 0);
      expect(endCodes(left)).toEqual(["session.peer_gone"]);
      expect((await left.status()).sessions).toEqual([]);
    });
  }
});

describe.concurrent("A connector that was frozen while its peer was killed", () => {
  it("ends the session with session.peer_gone, although the registry was idle meanwhile", async () => {
    const { east, west } = await startPair("127.5.0.0/16");
    const { socket } = await greeted(await west.listener("api"));
    const failure = failureOf(socket);
    west.process.kill("SIGSTOP");
    await east.kill9();
    // The runtime hibernates a Durable Object after ten seconds without events.
    await sleep(15_000);
    west.process.kill("SIGCONT");
    await eventually("the connection is reset", () => failure() === "ECONNRESET", SOON);
    await eventually("the log says why", () => endCodes(west).length > 0);
    expect(endCodes(west)).toEqual(["session.peer_gone"]);
  });
});

/** Counts the times that an instance did not serve a client of the connector because it was silent. */
const triedInVain = (connector: Connector): number =>
  connector
    .log()
    .filter(
      ({ client, code, outcome }) =>
        client !== undefined && code === "session.timeout" && outcome === undefined,
    ).length;

describe("The clients of a frozen connector", () => {
  let west: Connector;
  let place: Place;
  let frozen: Connector;

  beforeAll(async () => {
    const network = await suite.cluster.network(suite.edge);
    const token = await network.token({ uses: 3 });
    const [inEast, inNorth] = [await named("east"), await named("north")];
    [frozen, west] = await Promise.all([
      suite.cluster.connector({ site: "east", token, expose: [`api=${inEast.at}`] }),
      suite.cluster.connector({ site: "west", token, bind: "127.2.0.0/16", args: DEBUG }),
    ]);
    place = await west.listener("api");
    await suite.cluster.connector({ site: "north", token, expose: [`api=${inNorth.at}`] });
    await eventually("west sees both sites", async () => {
      const { services } = await west.control.services();
      return services.find(({ name }) => name === "api")?.sites.length === 2;
    });
    // Connections that stay open at north make east the first choice.
    const both: { socket: Socket; by: string }[] = [];
    for (let client = 0; client < 10; client++) both.push(await greeted(place));
    const [atNorth, atEast] = ["north", "east"].map((site) => both.filter(({ by }) => by === site));
    for (const { socket } of atEast ?? []) socket.destroy();
    await eventually("only the connections at north are left", async () => {
      const { sessions } = await west.control.sessions();
      return sessions.reduce((sum, { streams }) => sum + streams, 0) === atNorth?.length;
    });
  });

  it("go to another site if they sent nothing, and are reset if they did", async () => {
    process.kill(frozen.process.pid, "SIGSTOP");
    try {
      const talker = await dial(place);
      const failure = failureOf(talker);
      talker.write("pay 10");
      const { socket, by } = await greeted(place);
      expect(by).toBe("north");
      socket.destroy();
      await eventually("the log says that east was tried", () => triedInVain(west) > 0);
      await eventually("the client that sent something is reset", () => failure() === "ECONNRESET", SOON);
      // West now doubts the peer and makes no client wait for it.
      const before = triedInVain(west);
      for (let client = 0; client < 5; client++) {
        const next = await greeted(place);
        expect(next.by).toBe("north");
        next.socket.destroy();
      }
      expect(triedInVain(west)).toBeLessThanOrEqual(before + 1);
    } finally {
      process.kill(frozen.process.pid, "SIGCONT");
    }
  });
});
