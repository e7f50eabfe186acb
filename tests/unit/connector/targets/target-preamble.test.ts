/** TLS to targets and PROXY headers, with real servers. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { parseHealth } from "../../../../connector/config/health-options.ts";
import { parseProxyProtocol, parseTargetTls } from "../../../../connector/config/target-options.ts";
import {
  makeDeploymentAuthority,
  makeServerCertificate,
} from "../../../../connector/edge/credentials/certificates.ts";
import { dialTarget } from "../../../../connector/targets/dial-target.ts";
import { TargetMonitor } from "../../../../connector/targets/target-monitor.ts";
import { type PoolPort, TargetPool } from "../../../../connector/targets/target-pool.ts";
import { type PreambleUse, TargetPreambles } from "../../../../connector/targets/target-preamble.ts";
import type { ServiceProtocol } from "../../../../protocol/names.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";
import { relayStream, testRelay } from "../../../support/connector/test-relay.ts";
import { tcpServer } from "../../../support/traffic/sockets.ts";
import { TestTarget } from "../../../support/traffic/test-exchange.ts";

interface Identity {
  readonly certificate: string;
  readonly key: string;
}

let directory: string;
let ca: string;
let server: Identity;
let client: Identity;
let stranger: Identity & { readonly ca: string };

const file = (name: string) => join(directory, name);

async function makeIdentity(authority: Awaited<ReturnType<typeof makeDeploymentAuthority>>, names: string[]) {
  const made = await makeServerCertificate({ names, authority, now: Date.now(), lifetime: 3_600_000 });
  return { certificate: made.certificate, key: made.privateKey };
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "fl-"));
  const authority = await makeDeploymentAuthority(Date.now());
  const other = await makeDeploymentAuthority(Date.now());
  ca = authority.certificate;
  server = await makeIdentity(authority, ["127.0.0.1", "api.internal"]);
  client = await makeIdentity(authority, ["client.internal"]);
  stranger = { ...(await makeIdentity(other, ["127.0.0.1"])), ca: other.certificate };
  await writeFile(file("ca.pem"), ca);
  await writeFile(file("client.pem"), client.certificate);
  await writeFile(file("client.key"), client.key);
  await writeFile(file("other.pem"), stranger.ca);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

function listening(started: Server): Promise<number> {
  onTestFinished(() => void started.close());
  return new Promise((resolve) => {
    started.listen(0, "127.0.0.1", () => resolve((started.address() as AddressInfo).port));
  });
}

/** A TLS server that says who connects, and echoes. */
async function tlsServer(options: TlsOptions = {}): Promise<number> {
  const started = createServer({ cert: server.certificate, key: server.key, ...options }, (socket) => {
    socket.on("error", () => {});
    const { servername } = socket as TLSSocket & { servername?: string | false };
    const client = socket.getPeerCertificate().subjectaltname ?? "nobody";
    socket.write(`${servername || "no name"} ${client} ${socket.alpnProtocol || "-"}\n`);
    socket.pipe(socket);
  });
  started.on("tlsClientError", () => {});
  return await listening(started);
}

const USE: PreambleUse = {
  host: "127.0.0.1",
  client: null,
  site: { id: "site_1", name: "west" },
  protocols: [],
  timeoutMs: 10_000,
  signal: new AbortController().signal,
};

function preambles(tls: string[] = [], proxy: string[] = [], log = new MemoryLog()): TargetPreambles {
  return new TargetPreambles(
    { targetTls: tls.map(parseTargetTls), proxyProtocol: proxy.map(parseProxyProtocol) },
    log,
  );
}

async function prepared(
  port: number,
  options: TargetPreambles,
  use: Partial<PreambleUse> = {},
): Promise<Socket> {
  const socket = await dialTarget({ host: "127.0.0.1", port });
  onTestFinished(() => void socket.destroy());
  const preamble = options.of("api", null);
  if (preamble === null) throw new Error("There is no preamble.");
  return await preamble.prepare(socket, { ...USE, ...use });
}

const firstLine = (socket: Socket): Promise<string> =>
  new Promise((resolve) => socket.once("data", (bytes) => resolve(String(bytes).trim())));

const failure = (why: string) =>
  expect.objectContaining({ code: "service.tls_failed", message: expect.stringContaining(why) });

describe("TLS to a target", () => {
  it("takes a certificate of the CA that the option names, and no SNI for an address", async () => {
    const socket = await prepared(await tlsServer(), preambles([`api=ca=${file("ca.pem")}`]));
    expect(await firstLine(socket)).toBe("no name nobody -");
  });

  it("asks for the name that the option gives, and offers protocols", async () => {
    const port = await tlsServer({ ALPNProtocols: ["h2", "http/1.1"] });
    const options = preambles([`api=ca=${file("ca.pem")},name=api.internal`]);
    const socket = await prepared(port, options, { protocols: ["http/1.1"] });
    expect(await firstLine(socket)).toBe("api.internal nobody http/1.1");
  });

  it("shows the certificate that the option names", async () => {
    const port = await tlsServer({ requestCert: true, rejectUnauthorized: false });
    const files = `ca=${file("ca.pem")},cert=${file("client.pem")},key=${file("client.key")}`;
    expect(await firstLine(await prepared(port, preambles([`api=${files}`])))).toBe(
      "no name DNS:client.internal -",
    );
  });

  it.each([
    ["another CA", () => `api=ca=${file("other.pem")}`, "no CA that is trusted"],
    ["no CA of the system", () => "api=on", "no CA that is trusted"],
    [
      "another name",
      () => `api=ca=${file("ca.pem")},name=other.internal`,
      "its certificate has another name",
    ],
    ["a file that is missing", () => `api=ca=${file("missing.pem")}`, "it does not exist"],
    [
      "a key of another certificate",
      () => `api=cert=${file("ca.pem")},key=${file("client.key")}`,
      "do not belong together",
    ],
  ])("fails for %s, and says why", async (_, option, why) => {
    await expect(prepared(await tlsServer(), preambles([option()]))).rejects.toEqual(failure(why));
  });

  it("fails for a target that does not speak TLS, and for a silent one", async () => {
    const { port } = await tcpServer((socket) => void socket.write("220 ready\r\n"));
    const options = preambles([`api=ca=${file("ca.pem")}`]);
    await expect(prepared(port, options)).rejects.toEqual(failure("it does not speak TLS"));
    const { port: silent } = await tcpServer(() => {});
    await expect(prepared(silent, options, { timeoutMs: 50 })).rejects.toEqual(failure("did not respond"));
  });

  it("takes any certificate with insecure, and warns of it", async () => {
    const log = new MemoryLog();
    const socket = await prepared(await tlsServer(), preambles(["api=insecure"], [], log));
    expect(await firstLine(socket)).toBe("no name nobody -");
    expect(log.lines).toContainEqual(
      expect.objectContaining({ level: "warn", text: expect.stringContaining("not checked") }),
    );
  });

  it("reads the files again when they have changed", async () => {
    const path = file("rotated.pem");
    await writeFile(path, stranger.ca);
    const options = preambles([`api=ca=${path}`]);
    const port = await tlsServer();
    await expect(prepared(port, options)).rejects.toEqual(failure("no CA that is trusted"));
    await writeFile(path, `${ca}\n`);
    expect(await firstLine(await prepared(port, options))).toBe("no name nobody -");
  });

  it("applies to the port of its entry alone", () => {
    const options = preambles(["api:8443=on"]);
    expect(options.of("api", 8443)).not.toBeNull();
    expect(options.of("api", 80)).toBeNull();
    expect(options.of("web", 8443)).toBeNull();
  });
});

describe("the relay with a target that speaks TLS", () => {
  const options = () => preambles([`api=ca=${file("ca.pem")}`]);

  it("copies both ways, and ends each direction by itself", async () => {
    const { stream, far } = relayStream();
    const relay = testRelay();
    const local = await prepared(await tlsServer(), options());
    relay.join(local, stream, relay.start({ side: "target", service: "api", stream }));
    let text = "";
    far.on("data", (bytes) => {
      text += String(bytes);
    });
    far.end("hello");
    await eventually("the echo and its end", () => text.endsWith("hello") && far.readableEnded);
  });

  it("closes the target's connection when the stream is reset", async () => {
    let closed = false;
    let ended = false;
    const started = createServer({ cert: server.certificate, key: server.key }, (socket) => {
      socket.on("error", () => {});
      socket.on("end", () => {
        ended = true;
      });
      socket.on("close", () => {
        closed = true;
      });
      socket.resume();
      socket.write("hello");
    });
    const { stream, far } = relayStream();
    const relay = testRelay();
    const local = await prepared(await listening(started), options());
    relay.join(local, stream, relay.start({ side: "target", service: "api", stream }));
    far.write("bytes");
    await new Promise((resolve) => far.once("data", resolve));
    stream.destroy();
    await eventually("the target's connection is closed", () => closed && local.destroyed);
    // Without TLS's own end, the target cannot take what it has for all of it.
    expect(ended).toBe(false);
  });
});

describe("requests to a target that speaks TLS", () => {
  it("go over HTTP/1.1, on one connection", async () => {
    let connections = 0;
    const started = createHttpsServer({ cert: server.certificate, key: server.key }, (request, response) => {
      response.end(`${request.url} over TLS`);
    });
    started.on("secureConnection", () => connections++);
    const port = await listening(started);
    const target = new TestTarget({ port, preambles: preambles([`api=ca=${file("ca.pem")}`]) });
    for (const path of ["/a", "/b"])
      expect((await target.get({ path }).answer).content).toBe(`${path} over TLS`);
    expect(connections).toBe(1);
    target.clients.close();
  });

  it.each([
    ["h2", "2.0"],
    ["http/1.1", "1.1"],
  ])("go over what the target chooses for a service with /http2: %s", async (chosen, version) => {
    const answer: RequestListener = (request, response) => void response.end(request.httpVersion);
    const identity = { cert: server.certificate, key: server.key };
    const started =
      chosen === "h2"
        ? createSecureServer(identity, (request, response) => void response.end(request.httpVersion))
        : createHttpsServer({ ...identity, ALPNProtocols: [chosen] }, answer);
    const port = await listening(started);
    const target = new TestTarget({
      port,
      protocol: "http2",
      preambles: preambles([`api=ca=${file("ca.pem")}`]),
    });
    expect((await target.get().answer).content).toBe(version);
    target.clients.close();
  });

  it("are refused before ACCEPT when the certificate is not taken", async () => {
    const target = new TestTarget({ port: await tlsServer(), preambles: preambles(["api=on"]) });
    await expect(target.get().accepted).rejects.toEqual(failure("no CA that is trusted"));
  });
});

describe("a PROXY header", () => {
  /** A server that answers with the first bytes of its connection up to the request, in hex, and with no keep-alive. */
  async function echoServer(): Promise<{ port: number; connections: () => number }> {
    let connections = 0;
    const { port } = await tcpServer((socket) => {
      connections++;
      let head = "";
      socket.on("data", (bytes) => {
        const text = bytes.toString("latin1");
        if (head === "") head = text.split("GET ")[0] ?? "";
        const content = Buffer.from(head, "latin1").toString("hex");
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${content.length}\r\n\r\n${content}`);
      });
    });
    return { port, connections: () => connections };
  }
  const from = (address: string) => ({ fields: ["x-forwarded-for", `${address}, 9.9.9.9`] });
  const textOf = (hex: string) => Buffer.from(hex, "hex").toString("latin1");

  it("names the client that the client's site reports", async () => {
    const { port } = await echoServer();
    const target = new TestTarget({ port, preambles: preambles([], ["api=v1"]) });
    const { content } = await target.get(from("192.0.2.7")).answer;
    expect(textOf(content)).toBe(`PROXY TCP4 192.0.2.7 127.0.0.1 0 ${port}\r\n`);
  });

  it("says UNKNOWN where the client is not known", async () => {
    const { port } = await echoServer();
    const target = new TestTarget({ port, preambles: preambles([], ["api=v1"]) });
    expect(textOf((await target.get().answer).content)).toBe("PROXY UNKNOWN\r\n");
  });

  it("names the site that TLS proved, in version 2", async () => {
    const { port } = await echoServer();
    const target = new TestTarget({ port, preambles: preambles([], ["api=v2"]) });
    const text = textOf((await target.get(from("192.0.2.7")).answer).content);
    expect(text).toContain("QUIT\n\x21\x11");
    expect(text).toContain("\xe1\0\x04west");
  });

  it("is no other client's: a connection is shared by the requests of one client alone", async () => {
    const { port, connections } = await echoServer();
    const target = new TestTarget({ port, preambles: preambles([], ["api=v1"]) });
    for (const address of ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1"]) {
      const { content } = await target.get(from(address)).answer;
      expect(textOf(content)).toContain(address);
    }
    expect(connections()).toBe(2);
  });
});

describe("The checks of a target with a preamble", () => {
  interface Checked {
    readonly health?: string;
    readonly protocol?: ServiceProtocol;
    readonly ports?: readonly number[];
  }

  /** A pool whose service "api" has its targets on 127.0.0.1, and the monitor that checks them. */
  function checked(
    port: number,
    options: TargetPreambles,
    { health, protocol = "tcp", ports = [port] }: Checked,
  ) {
    const log = new MemoryLog();
    const targets = ports.map((each) => ({ host: "127.0.0.1", port: each }));
    const api: PoolPort = { name: "api", port: { targets, protocol } };
    const pool = new TargetPool({ preambles: options, onChange: () => monitor.review() });
    const monitor = new TargetMonitor({ pool, log, onChange: () => {} });
    onTestFinished(() => monitor.close());
    pool.configure([api], health === undefined ? [] : [parseHealth(health)]);
    return { log, pool, monitor, group: pool.group(api), api };
  }

  const tls = () => preambles([`api=ca=${file("ca.pem")}`]);

  it.each([
    ["tcp", "tcp", "none"],
    ["http", "tcp", "http/1.1"],
    ["http", "http", "http/1.1"],
    ["http", "http2", "h2"],
    ["grpc", "http2", "h2"],
  ] as const)(
    "speak TLS, with the client's certificate: %s of a port with /%s",
    async (health, protocol, spoken) => {
      const offers: string[] = [];
      const names: unknown[] = [];
      const asking = { requestCert: true, rejectUnauthorized: false };
      const identity = { cert: server.certificate, key: server.key, ...asking };
      const started = createSecureServer({ ...identity, allowHTTP1: true }, (request, response) => {
        const isGrpc = request.headers["content-type"] === "application/grpc";
        response.writeHead(200, isGrpc ? { "grpc-status": "12" } : {});
        response.end();
      });
      started.on("secureConnection", (socket) => {
        offers.push(socket.alpnProtocol || "none");
        names.push(socket.getPeerCertificate().subjectaltname);
      });
      const files = `ca=${file("ca.pem")},cert=${file("client.pem")},key=${file("client.key")}`;
      const options = preambles([`api=${files},name=api.internal`]);
      const { monitor } = checked(await listening(started), options, { health: `api=${health}`, protocol });
      const error = await monitor.check("api");
      // This server has no health service, and says so over the connection of the check.
      if (health === "grpc") expect(error?.message).toContain("does not offer the gRPC health service");
      else expect(error).toBeNull();
      await eventually("the server has the connection", () => offers.length > 0);
      expect(offers).toEqual([spoken]);
      expect(names).toEqual(["DNS:client.internal"]);
    },
  );

  it("find a target down whose certificate is wrong, with that reason, and up once it is right", async () => {
    const path = file("followed.pem");
    await writeFile(path, stranger.ca);
    const port = await tlsServer();
    const { monitor, group, log } = checked(port, preambles([`api=ca=${path}`]), {});
    monitor.start();
    await eventually("the target is down", () => !group.isUp);
    expect(group.failure?.error).toEqual(failure("no CA that is trusted signed its certificate"));
    expect(log.lines).toMatchObject([
      {
        fields: { service: "api", target: `127.0.0.1:${port}`, code: "service.tls_failed" },
        text: expect.stringMatching(/^The target is down: TLS with the target /),
      },
    ]);
    await writeFile(path, `${ca}\n`);
    await eventually("the target is up", () => group.isUp);
  });

  it("find a target that does not speak TLS, and a silent one", async () => {
    const { port } = await tcpServer((socket) => void socket.write("220 ready\r\n"));
    expect(await checked(port, tls(), {}).monitor.check("api")).toEqual(failure("it does not speak TLS"));
    const { port: silent } = await tcpServer(() => {});
    const { monitor } = checked(silent, tls(), { health: "api=tcp,timeout=1s" });
    expect(await monitor.check("api")).toMatchObject({ code: "service.timeout" });
  });

  it.each([
    ["v1", "PROXY UNKNOWN\r\n"],
    ["v2", "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"],
  ])("begin with a PROXY header that names no client: %s", async (version, header) => {
    const heard: string[] = [];
    const { port } = await tcpServer((socket) => {
      let text = "";
      socket.on("error", () => {});
      socket.on("data", (bytes) => {
        text += bytes.toString("latin1");
        if (text.endsWith("\r\n\r\n")) socket.end("HTTP/1.1 204 No Content\r\n\r\n");
      });
      socket.on("end", () => socket.end());
      socket.on("close", () => heard.push(text));
    });
    const options = preambles([], [`api=${version}`]);
    expect(await checked(port, options, { health: "api=http:/up" }).monitor.check("api")).toBeNull();
    expect(await checked(port, options, { health: "api=tcp" }).monitor.check("api")).toBeNull();
    await eventually("both connections are closed", () => heard.length === 2);
    expect(heard.sort((left, right) => right.length - left.length)).toEqual([
      expect.stringContaining(`${header}GET /up HTTP/1.1\r\n`),
      header,
    ]);
  });

  it("are not the only measure: a handshake that fails counts as a failed connection, and another target is tried", async () => {
    const bad = await tlsServer({ cert: stranger.certificate, key: stranger.key });
    const good = await tlsServer();
    const options = tls();
    const { pool, group, api } = checked(bad, options, { ports: [bad, good] });
    const preamble = options.of("api", null);
    const use = {
      ...{ site: "site_1", hops: 0, signal: USE.signal },
      prepare: (socket: Socket) => preamble?.prepare(socket, USE) ?? Promise.resolve(socket),
    };
    await eventually("the bad one was tried", async () => {
      const { socket, target } = await pool.connect(api, use);
      expect(target.port).toBe(good);
      socket.destroy();
      return group.endpoints.some(({ port, isSound }) => port === bad && !isSound);
    });
    const alone = checked(bad, options, {});
    await expect(alone.pool.connect(alone.api, use)).rejects.toEqual(failure("no CA that is trusted"));
    expect(alone.group.endpoints[0]?.health?.failure?.error).toEqual(failure("no CA that is trusted"));
  });
});
