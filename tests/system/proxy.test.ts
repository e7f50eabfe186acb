/** Sites that can reach the edge through an HTTP proxy only, because the proxy alone resolves its name. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ERRORS } from "../../protocol/errors.ts";
import { connectorArgs } from "../support/connector/connector.ts";
import { type Edge, eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { type ConnectProxy, startProxy } from "../support/traffic/delaying-proxy.ts";
import { echo, exchange, serve } from "../support/traffic/servers.ts";

const HOSTNAME = "edge.fairlead.invalid";
const suite = useEdge({ hostname: HOSTNAME });
let proxy: ConnectProxy;

beforeAll(async () => {
  proxy = await startProxy({ resolve: { [HOSTNAME]: "127.0.0.1" } });
});

afterAll(() => proxy.close());

const authority = (url: string) => new URL(url).host;
const times = (what: string) => proxy.connects.filter((each) => each === what).length;

describe("HTTPS_PROXY", () => {
  it("is used for the API, the uplink and lanes", async () => {
    const { cluster, edge } = suite;
    const network = await cluster.network(edge);
    const token = await network.token({ uses: 2 });
    const server = await serve(echo);
    const env = { HTTPS_PROXY: proxy.url };
    const east = await cluster.connector({ site: "east", token, expose: [`echo=${server.at}`], env });
    const west = await cluster.connector({ site: "west", token, bind: "127.2.0.0/16", env });
    expect(times(authority(edge.apiUrl)), "redemptions").toBe(2);
    expect(times(authority(edge.gatewayUrl)), "uplinks").toBe(2);

    const place = await west.listener("echo");
    expect((await exchange(place, "through the proxy")).toString()).toBe("through the proxy");
    expect(times(authority(edge.gatewayUrl)), "uplinks and lanes").toBe(4);
    expect(proxy.others).toEqual([]);
    await Promise.all([east.stop(), west.stop()]);
  });

  it("is used by commands", async () => {
    const { cluster, edge } = suite;
    const before = times(authority(edge.apiUrl));
    const env = { ...edge.env, FAIRLEAD_URL: edge.apiUrl, HTTPS_PROXY: proxy.url };
    const { status, stderr } = await cluster.fairlead(["network", "list"], env);
    expect(status, stderr).toBe(0);
    expect(times(authority(edge.apiUrl))).toBe(before + 1);
  });

  it("is named with proxy.failed when the proxy refuses the tunnel", async () => {
    const { cluster, edge } = suite;
    const refusing = await startProxy({ status: 403 });
    const args = connectorArgs(
      { site: "barred", token: await (await cluster.network(edge)).token() },
      cluster.fresh("barred"),
    );
    // The connector retries, so the reason is in the log.
    const run = cluster.run("barred", args, { HTTPS_PROXY: refusing.url });
    await eventually("the reason is logged", () => `${run.stdout}${run.stderr}`.includes('"proxy.failed"'));
    expect(ERRORS["proxy.failed"].retry).toBe(true);
    await run.stop();
    await refusing.close();
    expect(refusing.connects).toContain(authority(edge.apiUrl));
  });
});

describe("NO_PROXY", () => {
  let near: Edge;
  beforeAll(async () => {
    near = await suite.cluster.edge();
  });

  it.each(["127.0.0.1", "*"])(
    "keeps connections to the edge away from the proxy with %s",
    async (exception) => {
      const token = await (await suite.cluster.network(near)).token();
      const before = proxy.connects.length;
      const env = { HTTPS_PROXY: proxy.url, NO_PROXY: exception };
      const site = await suite.cluster.connector({ site: "direct", token, env });
      expect(proxy.connects).toHaveLength(before);
      await site.stop();
    },
  );

  it("changes nothing if it names another host", async () => {
    const token = await (await suite.cluster.network(near)).token();
    const env = { HTTPS_PROXY: proxy.url, NO_PROXY: "elsewhere.invalid" };
    const site = await suite.cluster.connector({ site: "detour", token, env });
    expect(proxy.connects).toContain(authority(near.apiUrl));
    expect(proxy.connects).toContain(authority(near.gatewayUrl));
    await site.stop();
  });
});
