/** A connector at its limit of file descriptors: it refuses new clients whole, and reports it. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/clock/eventually.ts";
import type { Connector } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { echo, exchange, type Place, serve, type TestServer } from "../support/traffic/servers.ts";

const PATIENCE = { within: 60_000 };
const LIMIT = 256;
const suite = useEdge();
let server: TestServer;
let small: Connector;
let large: Connector;
const clients = new Set<Socket>();

beforeAll(async () => {
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  server = await serve(echo);
  [small, large] = await Promise.all([
    suite.cluster.connector({
      ...{ site: "small", token, bind: "127.61.0.0/16", descriptors: LIMIT },
      expose: [`ours=${server.at}`],
    }),
    suite.cluster.connector({ site: "large", token, expose: [`theirs=${server.at}`], bind: "127.62.0.0/16" }),
  ]);
});
afterAll(() => hangUp());

async function hangUp(): Promise<void> {
  const all = [...clients];
  clients.clear();
  for (const socket of all) socket.destroy();
  await eventually("the target connections are closed", () => server.sockets.size === 0, PATIENCE);
}

/** Waits until a listener serves a client. */
async function isServedAgain(listener: Place): Promise<void> {
  const answer = async () => (await exchange(listener, "again")).toString() === "again";
  await eventually("a client is served again", answer, PATIENCE);
}

/** Opens clients that each send one byte. Counts answers and, by code, connections that ended without one. */
async function flood(place: Place, count: number): Promise<Record<string, number>> {
  const fates: Record<string, number> = {};
  for (let at = 0; at < count; at++) {
    const socket = connect(place);
    const fate = await new Promise<string>((resolve) => {
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.on("end", () => resolve("FIN"));
      socket.on("data", () => resolve("answered"));
      socket.write("x");
    });
    fates[fate] = (fates[fate] ?? 0) + 1;
    if (fate === "answered") clients.add(socket);
    else socket.destroy();
  }
  return fates;
}

describe("A connector without free descriptors", () => {
  it("resets new clients, keeps open connections, and recovers", async () => {
    const listener = await small.listener("theirs", PATIENCE);
    const fates = await flood(listener, LIMIT + 50);
    expect(Object.keys(fates).sort()).toEqual(["ECONNRESET", "answered"]);
    expect(fates.answered).toBeGreaterThan(100);
    const [first] = clients;
    if (first === undefined) throw new Error("No client was answered.");
    first.write("still here");
    expect(String((await once(first, "data"))[0])).toBe("still here");

    await small.logged({ level: "warn", code: "connector.descriptors" });
    const lines = small.log().filter(({ code }) => code === "connector.descriptors");
    expect(lines.length).toBeLessThan(5);
    // The status has the shortage for ten seconds after the last refusal, which a slow machine needs anew.
    await eventually("the status has the shortage", async () => {
      expect(await flood(listener, 1)).toEqual({ ECONNRESET: 1 });
      const { descriptors, uplink } = await small.status();
      expect(descriptors).toMatchObject({ limit: LIMIT, code: "connector.descriptors" });
      expect(descriptors?.refused).toBeGreaterThan(0);
      expect(uplink.state).toBe("up");
      return true;
    });
    await eventually("the command shows it", async () => {
      await flood(listener, 1);
      const { stdout } = await small.fairlead("status");
      expect(stdout).toMatch(/descriptors +\d+ of 256 in use, \d+ connections refused so far/);
      return stdout.includes("ulimit -n");
    });

    await hangUp();
    await isServedAgain(listener);
  });

  it("refuses streams with service.overloaded before it dials the target", async () => {
    const listener = await large.listener("ours", PATIENCE);
    const fates = await flood(listener, 150);
    expect(fates).toEqual({ answered: 150 });
    const more: Socket[] = [];
    for (let at = 0; at < LIMIT; at++) {
      const socket = connect(listener);
      socket.on("error", () => {});
      more.push(socket);
      clients.add(socket);
    }
    await large.logged({ code: "service.overloaded" }, PATIENCE);
    const open = server.sockets.size;
    expect(open).toBeLessThan(LIMIT - 16);
    expect((await small.status()).uplink.state).toBe("up");
    await hangUp();
    await isServedAgain(listener);
  });
});
