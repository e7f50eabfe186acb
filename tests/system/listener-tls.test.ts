/** TLS at listeners with certificates of the network's CA and of files, and the requests that observers see in it. */
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { type AddressInfo, connect as connectTcp } from "node:net";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listEvents } from "../../connector/operator/edge-api.ts";
import { makeCertificates } from "../support/authority/server-certificates.ts";
import { type Connector, eventually, type TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { bytesOf, dial, echo, exchange, serve, sha256 } from "../support/traffic/servers.ts";

const suite = useEdge();
let network: TestNetwork;
let west: Connector;
let web: Server;
/** Answers with the fields of the request. */
let headers: Server;
/** The CA of the network, as `fairlead network ca` wrote it. */
let ca: string;
let files: { readonly certificate: string; readonly key: string; readonly ca: string };

beforeAll(async () => {
  network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  web = createServer((message, response) => {
    message.resume().on("end", () => response.end(`hello from ${message.url}`));
  });
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  const { port } = web.address() as AddressInfo;
  headers = createServer((message, response) => {
    message.resume().on("end", () => response.end(JSON.stringify(message.headers)));
  });
  headers.listen(0, "127.0.0.1");
  await once(headers, "listening");
  const { port: headersPort } = headers.address() as AddressInfo;
  const target = await serve(echo);
  const pair = await makeCertificates();
  const paths = {
    certificate: join(suite.cluster.directory, "cert.pem"),
    key: join(suite.cluster.directory, "key.pem"),
  };
  await Promise.all([writeFile(paths.certificate, pair.certificate), writeFile(paths.key, pair.key)]);
  files = { ...paths, ca: pair.ca };
  const expose = [
    `web:7443=127.0.0.1:${port}`,
    `plain=127.0.0.1:${port}`,
    `echo=${target.at}`,
    `own:7444=${target.at}`,
    `shop:7445=127.0.0.1:${headersPort}/http`,
  ];
  const args = [
    ...["--listen-tls", "web=network", "--listen-tls", "echo=network", "--log", "requests"],
    ...["--listen-tls", "shop=network", "--listen-tls", `own=${paths.certificate},${paths.key}`],
  ];
  [west] = await Promise.all([
    suite.cluster.connector({ site: "west", token, bind: "127.98.0.1", args }),
    suite.cluster.connector({ site: "east", token, bind: "127.98.0.2", expose }),
  ]);
  const file = join(suite.cluster.directory, "ca.pem");
  const { status, stderr } = await suite.edge.fairlead("network", "ca", network.name, "-o", file);
  expect(status, stderr).toBe(0);
  ca = await readFile(file, "utf8");
});
afterAll(() => {
  web.close();
  headers.close();
});

/** Gets a path of a listener over TLS. */
async function get(service: string, path: string, options: object): Promise<string> {
  const { host, port } = await west.listener(service);
  const asked = request({ host, port, path, ca, agent: false, ...options });
  asked.end();
  const [response] = await once(asked, "response");
  let text = "";
  for await (const chunk of response) text += chunk;
  return text;
}

async function secured(service: string, options: object): Promise<TLSSocket> {
  const { host, port } = await west.listener(service);
  const socket = connect({ host, port, ...options });
  await once(socket, "secureConnect");
  return socket;
}

const requestLines = (service: string) =>
  west
    .log()
    .filter((line) => line.service === service && line.protocol !== undefined && line.path !== undefined);

describe("A listener with a certificate of the network", () => {
  it("is verified by clients that trust the network's CA, by the name of the service", async () => {
    for (const servername of ["web", `web.${network.name}.internal`]) {
      expect(await get("web", "/a?secret=1", { servername })).toBe("hello from /a?secret=1");
    }
    await expect(get("web", "/", { servername: "other" })).rejects.toThrow(/altnames/);
    const events = await listEvents(suite.edge.client, network.id, { type: "certificate.issued" });
    expect(events.map(({ text }) => text)).toContain(
      `Site west got a certificate for service web: web, web.${network.name}.internal.`,
    );
  });

  it("passes bytes of any protocol unaltered, and ends each direction by itself", async () => {
    const sent = bytesOf("tls", 3 * 1024 * 1024);
    const socket = await secured("echo", { ca, servername: "echo" });
    const received: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => received.push(chunk));
    socket.end(sent);
    await once(socket, "end");
    expect(sha256(Buffer.concat(received))).toBe(sha256(sent));
  });

  it("resets a client that speaks no TLS, and logs why", async () => {
    const { host, port } = await west.listener("web");
    const socket = connectTcp({ host, port });
    socket.on("error", () => {});
    socket.write("GET / HTTP/1.1\r\n\r\n");
    await new Promise((resolve) => socket.once("close", resolve));
    await eventually("the line", async () => west.log().some(({ code }) => code === "listener.handshake"));
  });
});

describe("A listener with TLS whose service speaks HTTP", () => {
  const isHttps = (text: string) => {
    const fields: Record<string, string> = JSON.parse(text);
    expect(fields["x-forwarded-proto"]).toBe("https");
    expect(fields.forwarded).toMatch(/^for=127[\d.]+;host="shop";proto=https$/);
    expect(fields["fairlead-site"]).toBe("west");
    return fields.via;
  };

  it("serves requests over HTTP/1.1, and says that they came by https", async () => {
    const text = await get("shop", "/one", { servername: "shop", headers: { host: "shop" } });
    expect(isHttps(text)).toBe("1.1 fairlead");
  });

  it("serves requests over HTTP/2 to clients that choose it by ALPN", async () => {
    const { host, port } = await west.listener("shop");
    const session = connectHttp2("https://shop", {
      createConnection: () =>
        connect({ host, port, ca, servername: "shop", ALPNProtocols: ["h2", "http/1.1"] }),
    });
    const stream = session.request({ ":path": "/two", ":authority": "shop" });
    let text = "";
    for await (const piece of stream.setEncoding("utf8")) text += piece;
    session.destroy();
    expect(isHttps(text)).toBe("2.0 fairlead");
    const lines = await eventually("the lines of both requests", async () => {
      const found = requestLines("shop");
      return found.length === 2 && found;
    });
    expect(lines.map(({ protocol, path, status }) => [protocol, path, status])).toEqual([
      ["http1", "/one", 200],
      ["http2", "/two", 200],
    ]);
  });
});

describe("A listener with a certificate of files", () => {
  it("presents another certificate once the files have changed", async () => {
    const first = await secured("own", {
      ca: files.ca,
      checkServerIdentity: () => undefined,
    });
    const before = first.getPeerCertificate().serialNumber;
    const next = await makeCertificates();
    await Promise.all([writeFile(files.certificate, next.certificate), writeFile(files.key, next.key)]);
    await eventually("the new certificate", async () => {
      const socket = await secured("own", { rejectUnauthorized: false });
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber !== before;
    });
    // The connection from before is still served.
    first.write("still here");
    expect(String((await once(first, "data"))[0])).toBe("still here");
    first.destroy();
  });
});

describe("Requests in connections of tcp services", () => {
  it("are logged where the client is, without queries, whether or not the listener has TLS", async () => {
    const plain = await west.listener("plain");
    const socket = await dial(plain);
    socket.write(
      "POST /form?token=abc HTTP/1.1\r\nHost: shop\r\nCookie: secret\r\nContent-Length: 3\r\n\r\nabc",
    );
    await once(socket, "data");
    socket.destroy();
    await get("web", "/tls?token=abc", { servername: "web" });
    const [posted] = await eventually("the line of the POST", async () => {
      const lines = requestLines("plain");
      return lines.length > 0 ? lines : null;
    });
    expect(posted).toMatchObject({
      ...{ level: "info", side: "listener", peer: "east", protocol: "http1", method: "POST", path: "/form" },
      ...{ authority: "shop", status: 200, outcome: "completed", msg: "POST /form: 200." },
    });
    await eventually("the line of the GET", async () =>
      requestLines("web").some(({ path }) => path === "/tls"),
    );
    expect(JSON.stringify(west.log())).not.toMatch(/token=abc|Cookie|secret=1/);
  });

  it("leave other protocols as they are", async () => {
    const place = await west.listener("plain");
    expect((await exchange(place, "SSH-2.0-client\r\n\r\n")).toString()).toMatch(/^HTTP\/1.1 400/);
    expect(requestLines("plain")).toHaveLength(1);
  });
});
