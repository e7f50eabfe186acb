/** As many silent connections as the system allows, at each port of an edge with all its descriptors. */
import { afterAll, describe, expect, it } from "vitest";
import { networkStatus } from "../../connector/operator/edge-api.ts";
import { descriptorLimit } from "../../connector/resources/descriptor-limit.ts";
import { startEchoPair } from "../support/connector/echo-pair.ts";
import { Cluster, eventually } from "../support/process/cluster.ts";
import { closeServers, exchange } from "../support/traffic/servers.ts";
import { placeOf, Stranger } from "../support/traffic/stranger.ts";

const CONNECTIONS = 20_000;
/** Descriptors that this process keeps for itself. */
const OWN = 1_000;
/** Connections from one client address, which has about 28,000 ports. */
const FROM_ONE = 5_000;

const cluster = await Cluster.create();
const stranger = new Stranger();
afterAll(async () => {
  await stranger.close();
  await closeServers();
  await cluster.close();
});

describe(`An edge with ${CONNECTIONS} silent connections`, () => {
  it("serves streams and new sites beside them at the API port, the gateway port and the lane port", async () => {
    const edge = await cluster.edge();
    const { network, token, place } = await startEchoPair({ cluster, edge }, { uses: 10 });
    const ports = [placeOf(edge.localUrl), placeOf(edge.localGatewayUrl)];
    if (edge.lanes !== null) ports.push({ host: "127.0.0.1", port: edge.lanes });
    for (const [index, port] of ports.entries()) {
      // The descriptor limit of this process bounds the connections that the edge keeps open.
      for (let made = 0; made < CONNECTIONS; made += FROM_ONE) {
        const room = (descriptorLimit() ?? CONNECTIONS) - OWN - stranger.open;
        const from = `127.0.0.${10 + made / FROM_ONE}`;
        await stranger.hold(port, Math.max(0, Math.min(FROM_ONE, room)), { from });
      }
      const text = `beside ${stranger.open} silent connections`;
      expect((await exchange(place, text)).toString()).toBe(text);
      const site = await cluster.connector({ site: `new${index}`, token, bind: `127.${20 + index}.0.0/16` });
      const there = await site.listener("echo", { within: 60_000 });
      expect((await exchange(there, text)).toString()).toBe(text);
      await site.stop();
    }
    const status = await eventually("the edge answers", () => networkStatus(edge.client, network.id));
    console.log(`strangers: ${JSON.stringify(status.edge)}; ${stranger.ended} ended, ${stranger.open} open`);
    expect(status.edge?.strangers.shed).toBeGreaterThan(CONNECTIONS / 2);
  }, 600_000);
});
