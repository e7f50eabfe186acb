/** The edge and a connector are killed under traffic. The network's totals are what the clients counted. */
import type { Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { getTraffic, listNetworks } from "../../connector/operator/edge-api.ts";
import { LiveChannel } from "../../connector/operator/live-channel.ts";
import type { TrafficTotals } from "../../protocol/api/traffic.ts";
import { clearUp, type Ground, lay } from "../support/harm/ground.ts";
import { patience } from "../support/harm/scale.ts";
import { eventually } from "../support/process/cluster.ts";
import { workerdOf } from "../support/process/peaks.ts";
import { report } from "../support/run/report.ts";
import { Exchanges } from "../support/traffic/exchanges.ts";
import { itemOf, Requests, serveWeb } from "../support/traffic/requests.ts";
import { bytesOf, dial, echo, exchange, serve } from "../support/traffic/servers.ts";

clearUp();

const KILLS = 10;
const CLIENTS = 3;
const REQUESTS_PER_SECOND = 20;

/** What each write on the connection that is open all the time has, bytes. */
const CHUNK = 5000;
/** The most that the heads of a request and of its response have, bytes. */
const HEADS = 1500;

type Counts = Omit<TrafficTotals, "latency">;

/** The network's totals of a service, and the number of sites that report now. */
async function totalsOf({ edge, network }: Ground, service: string, by?: "target") {
  const query = { window: "15m", service, ...(by === undefined ? {} : { by }) } as const;
  const { groups, reporters } = await getTraffic(edge.client, network.id, query);
  const sum = (name: keyof Counts) => groups.reduce((total, { totals }) => total + totals[name], 0);
  return {
    reporters: reporters.length,
    ...{ opened: sum("opened"), closed: sum("closed"), failed: sum("failed") },
    ...{ requests: sum("requests"), requestsFailed: sum("requestsFailed") },
    ...{ bytesToTarget: sum("bytesToTarget"), bytesToClient: sum("bytesToClient") },
  };
}

/** Writes to a connection that echoes, and waits until all of it came back. */
async function bounce(socket: Socket, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = count;
  const take = (data: Buffer) => {
    left -= data.length;
    if (left === 0) resolve();
  };
  socket.on("data", take);
  socket.write(bytesOf("bounce", count));
  await promise;
  socket.off("data", take);
}

/** Kills the edge: all of it, or workerd alone, which is started again. */
async function killEdge({ edge }: Ground, isWhole: boolean): Promise<void> {
  for (const pid of workerdOf(edge)) process.kill(pid, "SIGKILL");
  if (!isWhole) await eventually("workerd is back", () => listNetworks(edge.client));
  else {
    await edge.kill9();
    await edge.restart();
  }
}

/** Makes connectors report every second. */
async function watch({ edge, network }: Ground): Promise<void> {
  const login = { url: edge.localUrl, key: edge.adminKey, ca: edge.ca };
  const channel = await LiveChannel.open(login, network.id, new AbortController().signal);
  onTestFinished(() => channel.close());
}

describe("The totals of a network's traffic", () => {
  it(`are exact after ${KILLS} kills of the edge and one of a connector`, {
    timeout: patience(30_000),
  }, async () => {
    const [echoing, web] = await Promise.all([serve(echo), serveWeb()]);
    onTestFinished(() => web.close());
    const ground = await lay({ east: { expose: [`bytes=${echoing.at}`, `web=${web.at}/http`] } });
    const { east, streams, pages } = ground;
    const held = await dial(streams);
    const begin = performance.now();
    const exchanges = new Exchanges(streams, CLIENTS);
    const requests = new Requests(pages, REQUESTS_PER_SECOND);

    for (let kill = 0; kill < KILLS; kill++) {
      const { finished } = exchanges;
      await bounce(held, CHUNK);
      await eventually("both sites report new traffic", async () => {
        const counted = await totalsOf(ground, "bytes");
        expect(counted.opened).toBeLessThanOrEqual(exchanges.opened + 1);
        return counted.reporters === 2 && exchanges.finished > finished;
      });
      await killEdge(ground, kill % 2 === 0);
    }
    const killed = Math.round(performance.now() - begin);
    await Promise.all([exchanges.stop(), requests.stop()]);
    await watch(ground);

    // A client that a busy machine kept waiting for too long was turned away: its bytes are not known.
    const heldBytes = KILLS * CHUNK;
    const most = exchanges.bytes + exchanges.lostBytes + heldBytes;
    const ofBytes = { opened: exchanges.opened + 1, closed: exchanges.opened, requests: 0 };
    const isAll = (counted: Counts) =>
      counted.closed === ofBytes.closed && counted.bytesToTarget >= exchanges.bytes + heldBytes;
    const before = await eventually("both sites have reported everything", async () => {
      const [atListener, atTarget] = [
        await totalsOf(ground, "bytes"),
        await totalsOf(ground, "bytes", "target"),
      ];
      const ofWeb = await totalsOf(ground, "web");
      const isComplete = isAll(atListener) && isAll(atTarget) && ofWeb.requests === requests.asked;
      return isComplete && { atListener, atTarget, ofWeb };
    });
    for (const counted of [before.atListener, before.atTarget]) {
      expect(counted).toMatchObject(ofBytes);
      expect(counted.bytesToTarget).toBeLessThanOrEqual(most);
      expect(counted.bytesToClient).toBeGreaterThanOrEqual(exchanges.bytes + heldBytes);
      expect(counted.bytesToClient).toBeLessThanOrEqual(most);
    }
    expect(before.atListener.failed).toBe(exchanges.failures.length);
    const bodies = Array.from({ length: requests.asked }, (_, number) => itemOf(`/item/${number}`).length);
    const bodyBytes = bodies.reduce((sum, length) => sum + length, 0);
    const { ofWeb } = before;
    expect(ofWeb).toMatchObject({ requests: requests.asked, requestsFailed: requests.failures.length });
    expect(ofWeb.closed).toBe(ofWeb.opened);
    if (requests.failures.length === 0) {
      expect(ofWeb.bytesToClient).toBeGreaterThan(bodyBytes);
      expect(ofWeb.bytesToClient).toBeLessThan(bodyBytes + requests.asked * HEADS);
    }

    // The connector dies with bytes that it has not reported; the other end has counted them.
    await bounce(held, CHUNK);
    const lost = new Promise((resolve) => held.once("close", resolve));
    held.on("error", () => {});
    await east.kill9();
    await east.restart();
    await lost;
    const sent = bytesOf("after", CHUNK);
    for (let round = 0; round < 10; round++) expect(await exchange(streams, sent)).toEqual(sent);
    const added = { opened: 10, closed: 11, failed: 1, bytesToTarget: 11 * CHUNK, bytesToClient: 11 * CHUNK };
    const expected = Object.fromEntries(
      Object.entries(added).map(([name, by]) => [name, before.atListener[name as keyof typeof added] + by]),
    );
    await eventually("the listener's site has reported everything", async () => {
      const counted = await totalsOf(ground, "bytes");
      return counted.closed === expected.closed;
    });
    expect(await totalsOf(ground, "bytes")).toMatchObject(expected);
    const atTarget = await eventually("the new connector has reported everything", async () => {
      const counted = await totalsOf(ground, "bytes", "target");
      return counted.closed === before.atTarget.closed + 10 && counted;
    });
    expect(atTarget.opened).toBe(before.atTarget.opened + 10);
    for (const name of ["bytesToTarget", "bytesToClient"] as const) {
      expect(atTarget[name]).toBeGreaterThanOrEqual(before.atTarget[name] + 10 * CHUNK);
      expect(atTarget[name]).toBeLessThanOrEqual(before.atTarget[name] + 11 * CHUNK);
    }
    report("traffic totals", {
      ...{ kills: KILLS, "for ms": killed, connections: exchanges.opened, bytes: exchanges.bytes },
      ...{ requests: requests.asked, failures: exchanges.failures.length + requests.failures.length },
    });
  });
});
