/** A connector is killed under streams: they are reset soon, with a reason, and later connections work. */
import { describe, expect, it } from "vitest";
import { endCodes } from "../support/connector/sessions.ts";
import { clearUp, lay } from "../support/harm/ground.ts";
import { FULL, patience } from "../support/harm/scale.ts";
import { type Connector, eventually } from "../support/process/cluster.ts";
import { report } from "../support/run/report.ts";
import { HELD_MS } from "../support/traffic/requests.ts";
import type { End } from "../support/traffic/streams.ts";

clearUp();

const STREAMS = FULL ? 100 : 40;
const PACE = { bytes: 4000, everyMs: 40 };
const DEBUG = ["--log-level", "debug"];

/** Session timeout for a connector that does not come back, ms. */
const TIMEOUT = 3000;

/** Waits until each stream end has failed or closed. Returns the time since `begin`, ms. */
async function closedOn(ends: readonly End[], begin = performance.now()): Promise<number> {
  const isClosed = () => ends.every(({ failure }) => failure !== null);
  await eventually("every stream is closed", isClosed, { every: 20 });
  return Math.round(performance.now() - begin);
}

/** Waits until a connector's log, which arrives apart from its sockets, has so many ended sessions. */
async function logsEnds(connector: Connector, sessions: number): Promise<void> {
  await eventually("the log says why", () => endCodes(connector).length >= sessions);
}

describe("The streams of a connector that is killed with -9", () => {
  for (const lanes of FULL ? [1, 4] : [1]) {
    it(`are reset with session.unknown once the killed connector is back, and new streams work (${lanes} lanes)`, {
      timeout: patience(30_000),
    }, async () => {
      const args = ["--lanes", String(lanes)];
      const ground = await lay({ west: { args: [...DEBUG, ...args] }, east: { args } });
      const { east, west, server } = ground;
      for (let death = 0; death < (FULL ? 5 : 2); death++) {
        const streams = await server.open(ground.streams, STREAMS, PACE);
        await streams.move();
        const killed = performance.now();
        await east.kill9();
        await eventually("west marks the session as not up", async () =>
          (await west.status()).sessions.every(({ state }) => state !== "up"),
        );
        // A new client waits for the connector.
        const begin = performance.now();
        const early = server.open(ground.streams, 5, PACE).catch((error: Error) => {
          // A client is not held for longer than HELD_MS, which a slow start may exceed.
          if (performance.now() - begin < HELD_MS) throw error;
          return null;
        });
        early.catch(() => {});
        await east.restart();
        const away = Math.round(performance.now() - killed);
        const reset = await closedOn(streams.all.map(({ client }) => client));
        await logsEnds(west, death + 1);
        expect(endCodes(west), "why their sessions ended").toEqual(Array(death + 1).fill("session.unknown"));
        const fresh = await server.open(ground.streams, STREAMS, PACE);
        await fresh.move();
        const waited = await early;
        await waited?.move();
        await Promise.all([fresh.finish(), waited?.finish()]);
        await eventually("west has one session without streams", async () => {
          const { sessions } = await west.status();
          expect(sessions).toMatchObject([{ state: "up", streams: 0 }]);
          return true;
        });
        report("connector killed", {
          ...{ lanes, streams: STREAMS, "away for ms": away },
          "from its return until the last is reset, ms": reset,
        });
      }
    });
  }

  it("are reset with session.timeout on the side that is left when the killed connector stays away", {
    timeout: patience(30_000),
  }, async () => {
    const args = [...DEBUG, "--session-timeout", `${TIMEOUT / 1000}s`];
    const ground = await lay({ west: { args }, east: { args } });
    const { east, west, server } = ground;

    const left = await server.open(ground.streams, STREAMS, PACE);
    await left.move();
    const killed = performance.now();
    await west.kill9();
    const servers = await closedOn(
      left.all.map((stream) => stream.server),
      killed,
    );
    await logsEnds(east, 1);
    expect(endCodes(east)).toEqual(["session.timeout"]);
    await west.restart();
    await west.listener("bytes");

    const streams = await server.open(ground.streams, STREAMS, PACE);
    await streams.move();
    const killedNext = performance.now();
    await east.kill9();
    const clients = await closedOn(
      streams.all.map(({ client }) => client),
      killedNext,
    );
    await logsEnds(west, 1);
    expect(endCodes(west)).toEqual(["session.timeout"]);
    for (const took of [servers, clients]) expect(took).toBeGreaterThan(TIMEOUT - 500);
    await eventually("west has no session", async () => (await west.status()).sessions.length === 0);
    report("connector killed", {
      "stays away, session timeout, ms": TIMEOUT,
      "until streams at the servers are reset, ms": servers,
      "until streams at the clients are reset, ms": clients,
    });
  });
});
