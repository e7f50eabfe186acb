/** Connectors that get SIGTERM while connections are open. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/clock/eventually.ts";
import type { Address } from "../support/connector/connector.ts";
import { startEchoPair } from "../support/connector/echo-pair.ts";
import type { Connector, TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { exchange } from "../support/traffic/servers.ts";

/** Drain time beyond that of any test: a connector that ends before it has not waited for it. */
const LONG_DRAIN = ["--drain", "10m"];

const suite = useEdge();
let network: TestNetwork;
let east: Connector;
let north: Connector;
let west: Connector;
let place: Address;

beforeAll(async () => {
  const pair = await startEchoPair(suite, { uses: 3, args: LONG_DRAIN });
  ({ network, east, west, place } = pair);
  // The open connection uses east, because north starts later.
  running = await open();
  const { token, server } = pair;
  north = await suite.cluster.connector({ site: "north", token, expose: [`echo=${server.at}`] });
  await eventually("west sees both sites", async () => (await offering()) === 2);
});

let running: Socket;

const offering = async () =>
  (await network.status()).sites.filter(({ services }) => services.length > 0).length;

async function open(): Promise<Socket> {
  const socket = connect({ ...place, allowHalfOpen: true });
  await once(socket, "connect");
  await say(socket, "hello");
  return socket;
}

async function say(socket: Socket, text: string): Promise<void> {
  socket.write(text);
  let heard = "";
  while (heard.length < text.length) heard += String((await once(socket, "data"))[0]);
  expect(heard).toBe(text);
}

describe("A connector that gets SIGTERM", () => {
  it("lets open connections finish while new ones go to another site, and exits with status 0 after the last", async () => {
    const leaving = east.process.stop(120_000);
    for (let at = 0; at < 20; at++) {
      expect((await exchange(place, `new ${at}`)).toString()).toBe(`new ${at}`);
      await say(running, `still here ${at}`);
    }
    expect((await north.status()).sessions.length).toBe(1);
    await eventually("the offer is gone", async () => (await offering()) === 1);
    expect(east.process.exit).toBeNull();
    running.end();
    await once(running.resume(), "end");
    expect(await leaving).toEqual({ status: 0, signal: null });
  });

  it("resets connections that outlast the drain time, and exits with status 0", async () => {
    await north.restart({ args: ["--drain", "1s"] });
    const late = await eventually("a connection", () => open());
    const failed = once(late, "error");
    const leaving = north.process.stop(120_000);
    expect(await failed).toMatchObject([{ code: "ECONNRESET" }]);
    expect(await leaving).toEqual({ status: 0, signal: null });
  });

  it("refuses new clients of its site and keeps open connections", async () => {
    await Promise.all([east.restart(), north.restart()]);
    const kept = await eventually("a connection", () => open());
    const leaving = west.process.stop(120_000);
    await eventually("the listener is gone", async () => {
      const socket = connect({ ...place });
      const code = await new Promise((resolve) => {
        socket.once("connect", () => resolve("connected"));
        socket.once("error", (error: Error & { code?: string }) => resolve(error.code));
      });
      socket.destroy();
      return code === "ECONNREFUSED";
    });
    await say(kept, "still here");
    kept.end();
    await once(kept.resume(), "end");
    expect(await leaving).toEqual({ status: 0, signal: null });
  });

  it("exits at once on a second SIGTERM", async () => {
    await west.restart();
    place = await west.listener("echo");
    const socket = await eventually("a connection", () => open());
    socket.on("error", () => {});
    const leaving = west.process.stop(120_000);
    // Two signals before the first is handled count as one.
    await west.logged({ msg: "The connector stops." });
    await say(socket, "still here");
    expect(west.process.exit).toBeNull();
    west.process.kill("SIGTERM");
    // The connection is still open, and the drain time has not passed.
    expect((await leaving).signal).not.toBe("SIGKILL");
  });
});
