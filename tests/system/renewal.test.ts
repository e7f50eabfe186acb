/** Renewal of certificates over the live uplink while streams are open. The connectors run in this process. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { listEvents } from "../../connector/operator/edge-api.ts";
import type { Membership } from "../../connector/site/membership.ts";
import { age, type Forge, openForge } from "../support/authority/aged-certificates.ts";
import { closeConnectors, connectorHere, type InProcessOptions } from "../support/connector/in-process.ts";
import { eventually, type TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { dial, echo, serve, type TestServer } from "../support/traffic/servers.ts";

const suite = useEdge();
afterAll(closeConnectors);

const HALF_MS = 12 * 3600_000;

/** Gives the site a certificate that reaches half of its life in `inMs`, when it is renewed. */
const halfLife = (forge: Forge, inMs: number): Pick<InProcessOptions, "joined" | "clocks"> => ({
  joined: (stateDir) => age(stateDir, forge, { from: inMs - HALF_MS, to: inMs + HALF_MS }),
  clocks: () => ({ renewal: { random: () => 0 } }),
});

/** Sends numbered lines until `finish`, which returns what was sent and what came back. */
function talk(socket: Socket) {
  let received = "";
  let sent = 0;
  const gone: { reason: string | null } = { reason: null };
  socket.on("data", (data) => {
    received += data;
  });
  socket.on("error", (error) => {
    gone.reason = error.message;
  });
  const timer = setInterval(() => socket.write(`line ${sent++}\n`), 5);
  return {
    gone,
    async finish() {
      clearInterval(timer);
      socket.end();
      await once(socket, "end");
      return { received, expected: Array.from({ length: sent }, (_, at) => `line ${at}\n`).join("") };
    },
  };
}

interface Scene {
  readonly network: TestNetwork;
  readonly east: Here;
  readonly west: Here;
  readonly before: readonly Membership[];
  readonly streams: readonly ReturnType<typeof talk>[];
}

type Here = Awaited<ReturnType<typeof connectorHere>>;

/**
 * Starts two sites and opens streams between them before either renews its certificates. A machine that is too busy for
 * that gets more time at the next attempt, in another network.
 */
async function withStreams(server: TestServer, inMs = 3000): Promise<Scene> {
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  const forge = await openForge(suite.edge, network.id);
  const expose = [`echo=${server.at}`];
  const east = await connectorHere(suite.cluster, {
    ...{ site: "east", token, bind: "127.31.0.0/16", expose, ...halfLife(forge, inMs * 1.5) },
  });
  const west = await connectorHere(suite.cluster, {
    ...{ site: "west", token, bind: "127.32.0.0/16", ...halfLife(forge, inMs) },
  });
  const before = [east.site.membership, west.site.membership];
  const place = await eventually("the listener", async () => {
    const address = west.connector.services().services[0]?.listener?.address;
    return address === undefined
      ? null
      : { host: address.split(":")[0] ?? "", port: Number(address.split(":")[1]) };
  });
  const streams = [talk(await dial(place)), talk(await dial(place)), talk(await dial(place))];
  await eventually("the streams are open", () => server.sockets.size === streams.length);
  const renewed =
    (await listEvents(suite.edge.client, network.id, { type: "certificate.renewed" })).length > 0;
  if (!renewed && east.site.membership === before[0] && west.site.membership === before[1]) {
    return { network, east, west, before, streams };
  }
  for (const stream of streams) await stream.finish();
  await closeConnectors();
  return await withStreams(server, inMs * 3);
}

describe("Certificate renewal", () => {
  it("renews site and link certificates at half of their life, while the session and its streams stay up", async () => {
    const server = await serve(echo);
    const { network, east, west, before, streams } = await withStreams(server);
    const [session] = west.connector.sessions().sessions;

    for (const [at, { site, connector }] of [east, west].entries()) {
      const old = before[at];
      await eventually("new certificates", () => site.membership.chain !== old?.chain);
      expect(site.membership.links[0]?.certificate).not.toBe(old?.links[0]?.certificate);
      await eventually(
        "the uplink is up with them",
        async () => (await connector.links()).links[0]?.state === "up",
      );
    }
    const events = await listEvents(suite.edge.client, network.id, { type: "certificate.renewed" });
    expect(events.map(({ site }) => site).sort()).toEqual(["east", "west"]);

    // The session and its streams are the same.
    expect(west.connector.sessions().sessions).toMatchObject([{ id: session?.id, streams: streams.length }]);
    for (const stream of streams) {
      expect(stream.gone.reason).toBeNull();
      const { received, expected } = await stream.finish();
      expect(received).toBe(expected);
    }
  });
});
