/** Names of services in DNS at a site, with real connectors and a real edge. */
import { createSocket } from "node:dgram";
import { promises as dns } from "node:dns";
import type { IncomingHttpHeaders } from "node:http";
import { get } from "node:https";
import { decode, encode } from "dns-packet";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import * as z from "zod";
import { listServices } from "../../connector/operator/edge-api.ts";
import { readResponse } from "../../protocol/dns/response.ts";
import { ask, overUdp, TcpQueries } from "../support/dns/client.ts";
import { opt, queryFor, read, recordTexts } from "../support/dns/messages.ts";
import { freePort } from "../support/free-port.ts";
import { type Connector, eventually, type TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { exchange, fate, serve } from "../support/traffic/servers.ts";

const suite = useEdge();
let network: TestNetwork;
let port: number;
let east: Connector;
let west: Connector;

beforeAll(async () => {
  network = await suite.cluster.network(suite.edge, "shop");
  const token = await network.token({ uses: 2 });
  port = await freePort();
  [east, west] = await Promise.all([
    suite.cluster.connector({ site: "east", token, bind: "127.97.0.1" }),
    suite.cluster.connector({
      ...{ site: "west", token, bind: "127.97.4.0/24", args: ["--dns", `127.0.0.1:${port}`] },
    }),
  ]);
});

/** A stub resolver that asks west alone, as a program at west would. */
function stub(): dns.Resolver {
  const resolver = new dns.Resolver({ timeout: 5000, tries: 5 });
  resolver.setServers([`127.0.0.1:${port}`]);
  return resolver;
}

const rcode = async (name: string) => (await ask({ port }, name)).rcode;

describe("DNS at a site", () => {
  it("names a service as soon as another site offers it, and no longer when the site withdraws it", async () => {
    const server = await serve((socket) => void socket.end("east"));
    expect(await rcode("api.shop.internal")).toBe("NXDOMAIN");
    expect((await east.fairlead("expose", `api=${server.at}`)).status).toBe(0);
    await eventually("the name", async () => (await rcode("api.shop.internal")) === "NOERROR");
    const place = await west.listener("api");
    expect(await stub().resolve4("api.shop.internal", { ttl: true })).toEqual([
      { address: place.host, ttl: 5 },
    ]);
    expect(await stub().resolveSrv("_api._tcp.shop.internal")).toMatchObject([
      { name: "api.shop.internal", port: place.port, priority: 0, weight: 0 },
    ]);
    await expect(stub().resolve6("api.shop.internal")).rejects.toMatchObject({ code: "ENODATA" });
    expect((await exchange(place, "ask")).toString()).toBe("east");
    expect((await east.fairlead("unexpose", "api")).status).toBe(0);
    await eventually("no name", async () => (await rcode("api.shop.internal")) === "NXDOMAIN");
  });

  it("gives each service of a range an address of its own, and its port to SRV", async () => {
    const [first, second] = [
      await serve((socket) => void socket.end()),
      await serve((socket) => void socket.end()),
    ];
    await east.fairlead("expose", `one:7001=${first.at}`);
    await east.fairlead("expose", `two:7001=${second.at}`);
    await eventually(
      "both names",
      async () =>
        (await rcode("two.shop.internal")) === "NOERROR" && (await rcode("one.shop.internal")) === "NOERROR",
    );
    const [one, two] = [
      await stub().resolve4("one.shop.internal"),
      await stub().resolve4("two.shop.internal"),
    ];
    expect(one).not.toEqual(two);
    expect(one[0]).toMatch(/^127\.97\.4\./);
    expect(await stub().resolveSrv("_two._tcp.shop.internal")).toMatchObject([{ port: 7001 }]);
    expect(await stub().reverse(one[0] ?? "")).toEqual(["one.shop.internal"]);
    expect((await ask({ port }, "1.0.97.127.in-addr.arpa", "PTR")).rcode).toBe("REFUSED");
  });

  it("names a service that only this site offers by its target", async () => {
    const server = await serve((socket) => void socket.end());
    await west.fairlead("expose", `own=${server.at}`);
    await eventually("the name", async () => (await rcode("own.shop.internal")) === "NOERROR");
    expect(recordTexts((await ask({ port }, "own.shop.internal")).answers)).toEqual([
      `own.shop.internal 5 A ${server.host}`,
    ]);
    expect(await stub().resolveSrv("_own._tcp.shop.internal")).toMatchObject([{ port: server.port }]);
  });

  it("is in the status of the site, and in what resolvers need", async () => {
    expect((await west.control.status()).dns).toEqual({
      domain: "shop.internal",
      servers: [{ address: `127.0.0.1:${port}`, state: "listening" }],
      reverse: ["4.97.127.in-addr.arpa"],
    });
    const { stdout } = await west.fairlead("dns", "config", "dnsmasq");
    expect(stdout).toContain(`server=/shop.internal/127.0.0.1#${port}`);
    expect(stdout).toContain(`server=/4.97.127.in-addr.arpa/127.0.0.1#${port}`);
    expect((await east.fairlead("dns", "config", "dnsmasq")).stderr).toContain("dns.off");
  });

  it("answers SERVFAIL before the first welcome, never that a name does not exist", async () => {
    await suite.edge.kill9();
    const welcomed = west.restart();
    await eventually("the answer", async () => (await rcode("api.shop.internal")) === "SERVFAIL");
    await suite.edge.restart();
    await welcomed;
    await eventually("the names", async () => (await rcode("one.shop.internal")) === "NOERROR");
    expect(await rcode("api.shop.internal")).toBe("NXDOMAIN");
  });
});

describe("A zone of one site at another", () => {
  it("is resolved at the site that offers it, by sites that accept it alone", async () => {
    const server = createSocket("udp4");
    server.on("message", (bytes, from) => {
      const { id, questions } = decode(bytes);
      const name = questions[0]?.name ?? "";
      const answers = name === "www.corp.internal" ? [{ name, type: "A", ttl: 30, data: "10.77.0.1" }] : [];
      const flags = answers.length === 0 ? 3 : 0;
      server.send(encode({ type: "response", id, flags, questions, answers }), from.port, from.address);
    });
    await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
    const serverPort = server.address().port;
    onTestFinished(() => void server.close());
    await east.restart({ args: ["--dns-zone", `corp.internal=127.0.0.1:${serverPort}`] });
    await west.restart({ args: ["--dns", `127.0.0.1:${port}`, "--dns-accept", "corp.internal"] });
    await eventually("west knows the zone", async () => {
      const { dns: line } = await west.control.status();
      return line?.accepted?.[0]?.sites.includes("east");
    });
    expect(await stub().resolve4("www.corp.internal", { ttl: true })).toMatchObject([
      { address: "10.77.0.1" },
    ]);
    await expect(stub().resolve4("nope.corp.internal")).rejects.toMatchObject({ code: "ENOTFOUND" });
    expect((await west.control.services()).services.map(({ name }) => name)).not.toContainEqual(
      expect.stringMatching(/^zone-/),
    );
    expect((await listServices(suite.edge.client, network.id)).map(({ name }) => name)).not.toContainEqual(
      expect.stringMatching(/^zone-/),
    );
    expect((await west.fairlead("dns", "config", "dnsmasq")).stdout).toContain(
      `server=/corp.internal/127.0.0.1#${port}`,
    );
    expect((await west.fairlead("status")).stdout).toMatch(/zones accepted +corp\.internal at east/);
    expect(await rcode("example.com")).toBe("REFUSED");
    const sites = async () => (await west.control.status()).dns?.accepted?.[0]?.sites;
    const zone = ["--dns-zone", `corp.internal=127.0.0.1:${serverPort}`];
    await east.restart({ args: [...zone, "--to", "corp.internal=north"] });
    await eventually("the zone is for another site", async () => (await sites())?.length === 0);
    expect(await rcode("other.corp.internal")).toBe("SERVFAIL");
    await east.restart({ args: [...zone, "--to", "corp.internal=north,west"] });
    await eventually("the zone is for west too", async () => (await sites())?.includes("east") === true);
    expect(await rcode("other.corp.internal")).toBe("NXDOMAIN");
  });

  it("is answered SERVFAIL with the reason where two sites forward it to each other", async () => {
    await east.restart({ args: ["--dns-zone", `ring.internal=127.0.0.1:${port}`] });
    await west.restart({ args: ["--dns", `127.0.0.1:${port}`, "--dns-accept", "ring.internal"] });
    await eventually("west knows the zone", async () => {
      const { dns: line } = await west.control.status();
      return line?.accepted?.[0]?.sites.includes("east");
    });
    const query = queryFor("www.ring.internal", "A", { additionals: [opt()] });
    const [answer = Buffer.of()] = await overUdp({ port }, [query], 1);
    expect(readResponse(answer)).toMatchObject({
      ...{ rcode: 2, error: { text: "The zone ring.internal is forwarded in a circle." } },
    });
    expect(await rcode("plain.ring.internal")).toBe("SERVFAIL");
  });

  it("is refused in the domain of the network's services", async () => {
    const { status, stderr } = await suite.cluster.fairlead([
      "connector",
      "run",
      "--state",
      west.stateDir,
      "--dns-accept",
      "x.shop.internal",
    ]);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/in shop\.internal|state/);
  });
});

describe("DNS over HTTPS at the edge", () => {
  it("answers a client with a key for a site as the site's own DNS does", async () => {
    const place = await west.listener("one");
    const args = ["key", "create", "laptop", "--dns", "west", "--network", network.id, "--json"];
    const made = z
      .object({ key: z.string(), role: z.literal("dns") })
      .parse((await suite.edge.fairlead(...args)).json);
    const overHttps = async (name: string) => {
      const query = queryFor(name, "A", { id: 0 }).toString("base64url");
      const url = `${suite.edge.localUrl}/dns-query/${made.key}?dns=${query}`;
      const { ca } = suite.edge;
      return await new Promise<{ body: Buffer; headers: IncomingHttpHeaders }>((resolve, reject) => {
        get(url, { ca }, async (response) => {
          const chunks: Buffer[] = [];
          for await (const chunk of response) chunks.push(chunk as Buffer);
          resolve({ body: Buffer.concat(chunks), headers: response.headers });
        }).on("error", reject);
      });
    };
    const { body, headers } = await overHttps("one.shop.internal");
    expect(headers).toMatchObject({
      "content-type": "application/dns-message",
      "cache-control": "private, max-age=5",
    });
    expect(recordTexts(read(body).answers)).toEqual([`one.shop.internal 5 A ${place.host}`]);

    // Its only target goes away: the name stays, without an address, over every transport.
    const server = await serve((socket) => void socket.end("east"));
    expect((await east.fairlead("expose", `gone=${server.at}`)).status).toBe(0);
    const gone = await west.listener("gone");
    const name = "gone.shop.internal";
    const isNamed = async () => (await ask({ port }, name)).answers.length > 0;
    await eventually("the name", isNamed);
    await server.close();
    await eventually("the service is down", async () => (await fate(gone)) === "ECONNREFUSED");
    await eventually("the name has no address", async () => !(await isNamed()));
    const tcp = await TcpQueries.open({ port });
    tcp.send(queryFor(name));
    const answers = [await ask({ port }, name), ...(await tcp.received(1)).map(read)];
    tcp.socket.destroy();
    await eventually("no address over HTTPS", async () => {
      return read((await overHttps(name)).body).answers.length === 0;
    });
    answers.push(read((await overHttps(name)).body));
    for (const { rcode: code, answers: found, authorities } of answers) {
      expect([code, found]).toEqual(["NOERROR", []]);
      expect(authorities).toMatchObject([{ type: "SOA", ttl: 1 }]);
    }
    await serve((socket) => void socket.end("east"), server);
    await eventually("the name has its address again", isNamed);
  });
});
