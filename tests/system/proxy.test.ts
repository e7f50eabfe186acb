/**
 * Sites that can reach the edge through a proxy only, because the proxy alone resolves its name; and proxies of the
 * operating system, where they are installed.
 */
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ERRORS } from "../../protocol/errors.ts";
import { type Certificates, makeCertificates } from "../support/authority/server-certificates.ts";
import { connectorArgs } from "../support/connector/connector.ts";
import { type Edge, type Env, eventually } from "../support/process/cluster.ts";
import {
  INSTALLED_PROXIES,
  type InstalledProxyName,
  isInstalled,
  PROXY_LOGIN,
  startInstalledProxy,
} from "../support/process/installed-proxies.ts";
import { useEdge } from "../support/run/suite.ts";
import { type ConnectProxy, startProxy } from "../support/traffic/delaying-proxy.ts";
import { echo, exchange, serve } from "../support/traffic/servers.ts";
import { startSocksProxy } from "../support/traffic/socks-proxy.ts";

const HOSTNAME = "edge.fairlead.invalid";
const suite = useEdge({ hostname: HOSTNAME });
let proxy: ConnectProxy;

beforeAll(async () => {
  proxy = await startProxy({ resolve: { [HOSTNAME]: "127.0.0.1" } });
});

afterAll(() => proxy.close());

const authority = (url: string) => new URL(url).host;
/** Offers a service at one site and uses it at another, with `env` for both connectors. */
async function expectService(edge: Edge, env: Env): Promise<void> {
  const { cluster } = suite;
  const network = await cluster.network(edge);
  const token = await network.token({ uses: 2 });
  const server = await serve(echo);
  const east = await cluster.connector({ site: "east", token, expose: [`echo=${server.at}`], env });
  const west = await cluster.connector({ site: "west", token, bind: "127.2.0.0/16", env });
  const place = await west.listener("echo");
  expect((await exchange(place, "through the proxy")).toString()).toBe("through the proxy");
  await Promise.all([east.stop(), west.stop()]);
}

/** A port with TLS in front of a port without. Returns its URL. */
async function withTls({ certificate: cert, key }: Certificates, port: number): Promise<string> {
  const server = createTlsServer({ cert, key }, (client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on("error", () => {}).once("close", () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `https://127.0.0.1:${address.port}`;
}

const times = (what: string) => proxy.connects.filter((each) => each === what).length;

describe("HTTPS_PROXY", () => {
  it("is used for the API, the uplink and lanes", async () => {
    await expectService(suite.edge, { HTTPS_PROXY: proxy.url });
    const { edge } = suite;
    // More of them when a connection was lost and made again.
    expect(times(authority(edge.apiUrl)), "redemptions").toBeGreaterThanOrEqual(2);
    expect(times(authority(edge.gatewayUrl)), "uplinks and lanes").toBeGreaterThanOrEqual(4);
    expect(proxy.others).toEqual([]);
  });

  it("is an HTTP proxy without a scheme", async () => {
    const { cluster, edge } = suite;
    const before = times(authority(edge.apiUrl));
    const env = { ...edge.env, FAIRLEAD_URL: edge.apiUrl, HTTPS_PROXY: authority(proxy.url) };
    const { status, stderr } = await cluster.fairlead(["network", "list"], env);
    expect(status, stderr).toBe(0);
    expect(times(authority(edge.apiUrl))).toBe(before + 1);
  });

  it.each(["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"])(
    "can be a proxy with TLS whose CA %s names",
    async (name) => {
      const { cluster, edge } = suite;
      const certificates = await makeCertificates();
      const ca = cluster.fresh("ca");
      await writeFile(ca, certificates.ca);
      const url = await withTls(certificates, Number(new URL(proxy.url).port));
      const list = ["network", "list", "--json"];
      const env = { ...edge.env, FAIRLEAD_URL: edge.apiUrl, HTTPS_PROXY: url };
      const trusted = await cluster.fairlead(list, { ...env, [name]: ca });
      expect(trusted.status, trusted.stderr).toBe(0);
      const untrusted = await cluster.fairlead(list, env);
      expect(untrusted.json).toMatchObject({ error: { code: "proxy.failed" } });
      expect(untrusted.stderr).toContain("The certificate of the proxy");
    },
  );

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

describe("ALL_PROXY", () => {
  it("can be a SOCKS5 proxy with a login, for the API, the uplink and lanes", async () => {
    const { edge } = suite;
    const socks = await startSocksProxy({ resolve: { [HOSTNAME]: "127.0.0.1" }, login: "us:p@ss" });
    onTestFinished(() => socks.close());
    await expectService(edge, { ALL_PROXY: `socks5h://us:p%40ss@127.0.0.1:${socks.port}` });
    const count = (what: string) => socks.requests.filter((each) => each === what).length;
    expect(count(authority(edge.apiUrl)), "redemptions").toBeGreaterThanOrEqual(2);
    expect(count(authority(edge.gatewayUrl)), "uplinks and lanes").toBeGreaterThanOrEqual(4);
  });
});

describe("NO_PROXY", () => {
  let near: Edge;
  beforeAll(async () => {
    near = await suite.cluster.edge();
  });

  it.each(["127.0.0.1", "*", "10.0.0.0/8 127.0.0.0/8"])(
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

const INSTALLED = Object.keys(INSTALLED_PROXIES) as InstalledProxyName[];
const present = new Map(
  await Promise.all(INSTALLED.map(async (name) => [name, await isInstalled(name)] as const)),
);

describe("a proxy of the operating system", () => {
  const network = ["network", "list", "--json"];
  let near: Edge;
  let certificates: Certificates;
  beforeAll(async () => {
    near = await suite.cluster.edge();
    certificates = await makeCertificates();
  });

  /** Starts the proxy. Returns the variables that name it, without a login. */
  async function start(name: InstalledProxyName): Promise<{ HTTPS_PROXY: string; SSL_CERT_FILE: string }> {
    const { url } = await startInstalledProxy(suite.cluster, name, certificates);
    const ca = suite.cluster.fresh("ca");
    await writeFile(ca, certificates.ca);
    return { HTTPS_PROXY: url, SSL_CERT_FILE: ca };
  }

  for (const name of ["tinyproxy", "squid", "squid with TLS", "dante"] as const) {
    it.skipIf(!present.get(name))(`${name} carries the API, the uplink and lanes`, async () => {
      await expectService(near, await start(name));
    });
  }

  it.skipIf(!present.get("squid"))(
    "squid with a login takes user and password, and says what is wrong with them",
    async () => {
      const env = await start("squid with a login");
      const { user, password } = PROXY_LOGIN;
      const logged = (text: string) =>
        env.HTTPS_PROXY.replace("//", `//${user}:${encodeURIComponent(text)}@`);
      await expectService(near, { ...env, HTTPS_PROXY: logged(password) });
      const run = (HTTPS_PROXY: string) => suite.cluster.fairlead(network, { ...near.env, HTTPS_PROXY });
      const without = await run(env.HTTPS_PROXY);
      expect(without.json).toMatchObject({ error: { code: "proxy.failed" } });
      expect(without.stderr).toContain("asks for a login (407 Proxy Authentication Required");
      const wrong = await run(logged("hunter2"));
      expect(wrong.stderr).toContain("refused the user and the password (407");
      expect(wrong.stderr).not.toContain("hunter2");
    },
  );

  it.skipIf(!present.get("squid"))("squid that allows only port 443 is named with its reason", async () => {
    const env = await start("squid that allows only port 443");
    const { status, stderr } = await suite.cluster.fairlead(network, { ...near.env, ...env });
    expect(status).not.toBe(0);
    expect(stderr).toContain("403 Forbidden, ERR_ACCESS_DENIED");
  });
});
