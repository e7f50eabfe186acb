/** The round trip of links: measured by the keep-alive, told to the registry, shown at both ends and to the operator. */
import { afterAll, expect, test } from "vitest";
import { createToken } from "../../connector/operator/edge-api.ts";
import { parseToken } from "../../connector/site/token.ts";
import { closeConnectors, connectorHere } from "../support/connector/in-process.ts";
import { eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();
afterAll(closeConnectors);

test("it is the sum of both ends' ways to the edge, and known as soon as both are", async () => {
  const began = Date.now();
  const network = await suite.cluster.network(suite.edge);
  const clocks = () => ({ keepalive: { everyMs: 200, deadAfterMs: 45_000 } });
  const at = { token: await network.token({ uses: 2 }), clocks };
  const east = await connectorHere(suite.cluster, { ...at, site: "east", bind: "127.41.0.0/16" });
  const west = await connectorHere(suite.cluster, { ...at, site: "west", bind: "127.42.0.0/16" });
  const { file } = await createToken(suite.edge.client, network.id, {
    ...{ issuer: "east", uses: 1, expirySeconds: 60 },
  });
  await west.connector.link(parseToken(file), { name: "to-east" });

  const outgoing = await eventually("west knows it", async () => {
    const link = (await west.connector.links()).links.find(({ name }) => name === "to-east");
    return link?.rtt === null ? null : link;
  });
  expect(outgoing.state).toBe("up");
  expect(outgoing.rtt).toBeGreaterThanOrEqual(0);
  expect(outgoing.rtt).toBeLessThan(Date.now() - began);
  const incoming = await eventually("east knows it", async () => {
    const [link] = (await east.connector.links()).incoming;
    return link === undefined || link.rtt === null ? null : link;
  });
  expect(incoming).toMatchObject({ name: "to-east", joiner: "west", state: "up" });
  const own = await eventually("the operator knows it", async () => {
    const link = (await network.status()).links.find(({ name }) => name === "to-east");
    return link === undefined || link.rtt === null ? null : link;
  });
  expect(Date.parse(own.since)).toBeGreaterThanOrEqual(began);
  expect((await west.connector.status()).uplink.rtt).not.toBeNull();
});
