/** Certificates renew over the live uplink while streams are open. The connectors run in this process: their clocks are ours. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listEvents } from "../../connector/api/calls.ts";
import { eventually, type TestNetwork } from "../support/cluster.ts";
import { closeConnectors, connectorHere, type InProcessOptions } from "./support/in-process.ts";
import { useEdge } from "./support/suite.ts";
import { dial, echo, serve } from "./support/traffic.ts";

const suite = useEdge();
let network: TestNetwork;
let token: string;

beforeAll(async () => {
  network = await suite.cluster.network(suite.edge);
  token = await network.token({ uses: 2 });
});
afterAll(closeConnectors);

/** Brings the certificate to half of its life in `inMs`, by the connector's clock. The one that follows is of today. */
const halfLife =
  (inMs: number): InProcessOptions["clocks"] =>
  (site) => {
    const { notBefore, notAfter } = site.membership;
    const ahead = notBefore + (notAfter - notBefore) / 2 - inMs - Date.now();
    const now = () => Date.now() + (site.membership.notBefore === notBefore ? ahead : 0);
    return { renewal: { random: () => 0, now } };
  };

/** Sends numbered lines and checks that they come back, until told to stop. */
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

test("at half of their life, with streams open on the same session that none of them notices", async () => {
  const server = await serve(echo);
  const expose = [`echo=${server.at}`];
  const east = await connectorHere(suite.cluster, {
    ...{ site: "east", token, bind: "127.31.0.0/16", expose, clocks: halfLife(5000) },
  });
  const west = await connectorHere(suite.cluster, {
    ...{ site: "west", token, bind: "127.32.0.0/16", clocks: halfLife(3000) },
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
  const [session] = west.connector.sessions().sessions;

  // Neither has renewed yet.
  expect([east.site.membership, west.site.membership]).toEqual(before);

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

  // The session is the same, and so are its streams.
  expect(west.connector.sessions().sessions).toMatchObject([{ id: session?.id, streams: streams.length }]);
  for (const stream of streams) {
    expect(stream.gone.reason).toBeNull();
    const { received, expected } = await stream.finish();
    expect(received).toBe(expected);
  }
});
