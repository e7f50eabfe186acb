/**
 * Unauthenticated connections that send nothing or little: more than the edge has descriptors, at each of its ports.
 * Streams continue, and new sites can join.
 */
import { connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { networkStatus } from "../../connector/operator/edge-api.ts";
import { type EchoPair, startEchoPair } from "../support/connector/echo-pair.ts";
import { Cluster, type Edge, eventually } from "../support/process/cluster.ts";
import { closeServers, dial, exchange, type Place } from "../support/traffic/servers.ts";
import { HALF_HANDSHAKE, type Place as Port, placeOf, Stranger } from "../support/traffic/stranger.ts";

/** Connections that a stranger opens: more than the edge has descriptors. */
const CONNECTIONS = 1_100;
const DESCRIPTORS = 1_024;
/** With fewer descriptors the edge opens no port for lanes. */
const DESCRIPTORS_FOR_LANES = 4_096;

interface Ground extends EchoPair {
  readonly cluster: Cluster;
  readonly edge: Edge;
}

let sites = 0;

async function lay(descriptors: number): Promise<Ground> {
  const cluster = await Cluster.create();
  const edge = await cluster.edge({ descriptors });
  return { cluster, edge, ...(await startEchoPair({ cluster, edge })) };
}

/** Opens a stream. `move` sends a byte and waits until it is back. */
async function openStream(place: Place) {
  const socket = await dial(place);
  let received = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    received += text;
  });
  let sent = "";
  return {
    async move() {
      sent += "x";
      socket.write("x");
      await eventually("the stream flows", () => received === sent, { within: 60_000 });
    },
    async finish() {
      socket.end();
      await eventually("the stream ends", () => socket.readableEnded, { within: 60_000 });
      expect(received).toBe(sent);
    },
  };
}

/** Checks that a new site can join over the API, come up on the gateway, and open a session to east. */
async function expectNewSite({ cluster, network }: Ground): Promise<void> {
  sites += 1;
  const site = await cluster.connector({
    site: `new${sites}`,
    token: await network.token(),
    bind: `127.${10 + sites}.0.0/16`,
  });
  const place = await site.listener("echo", { within: 60_000 });
  expect((await exchange(place, "from a new site")).toString()).toBe("from a new site");
  await site.stop();
}

const KINDS = ["send nothing", "send half a ClientHello", "send no request after the handshake"] as const;

/** Opens connections of a kind at a port and holds them. Resolves once all dials are done, with their end. */
async function hold(
  stranger: Stranger,
  port: Port,
  kind: (typeof KINDS)[number],
  ca: string,
): Promise<() => void> {
  if (kind !== "send no request after the handshake") {
    await stranger.hold(port, CONNECTIONS, kind === "send nothing" ? {} : { words: HALF_HANDSHAKE });
    return () => {};
  }
  const sockets = Array.from({ length: CONNECTIONS }, () => connectTls({ ...port, ca, servername: "" }));
  const settled = sockets.map(
    (socket) =>
      new Promise<void>((resolve) => {
        socket.once("secureConnect", resolve).once("close", () => resolve());
        socket.on("error", () => {});
      }),
  );
  await Promise.all(settled);
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

let ground: Ground;

/** Starts an edge with a limit of descriptors before the tests of a `describe`, and stops it after them. */
function useGround(descriptors: number): void {
  beforeAll(async () => {
    ground = await lay(descriptors);
  });
  afterAll(async () => {
    await closeServers();
    await ground.cluster.close();
  });
}

const stranger = new Stranger();
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") console.error(ground.cluster.logs());
  await stranger.close();
});

describe(`An edge with ${DESCRIPTORS} descriptors and ${CONNECTIONS} silent connections`, () => {
  useGround(DESCRIPTORS);

  it.each(KINDS.flatMap((kind) => (["API", "gateway"] as const).map((port) => [kind, port] as const)))(
    "serves streams and new sites when the connections %s at the %s port",
    async (kind, port) => {
      const { edge, network, place } = ground;
      const before = (await networkStatus(edge.client, network.id)).edge?.strangers;
      const workerd = edge.process.lastLines(5_000).filter((line) => line.includes("workerd ended")).length;
      const stream = await openStream(place);
      await stream.move();
      const at = placeOf(port === "API" ? edge.localUrl : edge.localGatewayUrl);
      const release = await hold(stranger, at, kind, edge.ca);
      try {
        await stream.move();
        await expectNewSite(ground);
        await stream.move();
        await stream.finish();
        const gone = (counts: typeof before) => (counts?.shed ?? 0) + (counts?.timedOut ?? 0);
        await eventually("most connections are gone", async () => {
          const after = (await networkStatus(edge.client, network.id)).edge?.strangers;
          return gone(after) - gone(before) > CONNECTIONS / 2;
        });
        expect(edge.process.lastLines(5_000).filter((line) => line.includes("workerd ended"))).toHaveLength(
          workerd,
        );
      } finally {
        release();
      }
    },
  );

  it("reports shed connections in its log and in `fairlead status`", async () => {
    const { edge, network } = ground;
    await eventually("the log reports shed connections", () =>
      /Unauthenticated connections: \d+ shed/.test(edge.process.stderr),
    );
    const { status, stdout } = await edge.fairlead("status", "--network", network.name);
    expect(status).toBe(0);
    expect(stdout).toMatch(/Unauthenticated clients.*\d+ connections shed/);
  });
});

describe(`An edge with ${DESCRIPTORS_FOR_LANES} descriptors`, () => {
  useGround(DESCRIPTORS_FOR_LANES);

  it("moves lanes to the gateway port when silent connections fill the lane port, and streams continue", async () => {
    const { edge, network, place } = ground;
    const lanesNow = async () => (await networkStatus(edge.client, network.id)).edge?.lanes;
    const stream = await openStream(place);
    await stream.move();
    await eventually("the lane port is open", async () => (await lanesNow()) === "direct");
    const lanes = { host: "127.0.0.1", port: edge.lanes ?? 0 };
    await stranger.hold(lanes, (DESCRIPTORS_FOR_LANES * 3) / 4);
    await eventually("the lane port is withdrawn", async () => (await lanesNow()) === "withdrawn", {
      within: 60_000,
    });
    await stream.move();
    await expectNewSite(ground);
    await stream.move();
    await stream.finish();
  });
});
