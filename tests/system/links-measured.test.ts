/**
 * The round trip of a link: measured by keep-alives, reported to the registry, shown at both ends and to the operator.
 */
import { afterAll, describe, expect, it } from "vitest";
import { createToken } from "../../connector/operator/edge-api.ts";
import { parseToken } from "../../connector/site/token.ts";
import { closeConnectors, connectorHere } from "../support/connector/in-process.ts";
import { eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();
afterAll(closeConnectors);

describe("The round trip of a link", () => {
  it("is the sum of both ends' round trips to the edge, and is known once both are", async () => {
    const began = Date.now();
    const network = await suite.cluster.network(suite.edge);
    const clocks = () => ({ keepalive: { everyMs: 200, deadAfterMs: 45_000 } });
    const at = { token: await network.token({ uses: 2 }), clocks };
    const east = await connectorHere(suite.cluster, { ...at, site: "east", bind: "127.41.0.0/16" });
    const west = await connectorHere(suite.cluster, { ...at, site: "west", bind: "127.42.0.0/16" });
    const { file } = await createToken(suite.edge.client, network.id, {
      ...{ issuer: "east", uses: 1, expirySeconds: 900 },
    });
    await west.connector.link(parseToken(file), { name: "to-east" });

    const outgoing = await eventually("west knows the round trip", async () => {
      const link = (await west.connector.links()).links.find(({ name }) => name === "to-east");
      return link?.rtt === null ? null : link;
    });
    expect(outgoing.state).toBe("up");
    expect(outgoing.rtt).toBeGreaterThanOrEqual(0);
    expect(outgoing.rtt).toBeLessThan(Date.now() - began);
    const incoming = await eventually("east knows the round trip", async () => {
      const [link] = (await east.connector.links()).incoming;
      return link === undefined || link.rtt === null ? null : link;
    });
    expect(incoming).toMatchObject({ name: "to-east", joiner: "west", state: "up" });
    const own = await eventually("the operator sees the round trip", async () => {
      const link = (await network.status()).links.find(({ name }) => name === "to-east");
      return link === undefined || link.rtt === null ? null : link;
    });
    expect(Date.parse(own.since)).toBeGreaterThanOrEqual(began);
    expect((await west.connector.status()).uplink.rtt).not.toBeNull();
  });
});
