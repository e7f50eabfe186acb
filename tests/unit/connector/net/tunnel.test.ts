/** Tunnels through proxies of every kind that work, refuse, fail or are none. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseProxy } from "../../../../connector/net/proxy.ts";
import { openTunnel } from "../../../../connector/net/tunnel.ts";
import { makeCertificates } from "../../../support/authority/server-certificates.ts";
import { UNKNOWN_HOST } from "../../../support/dns/unknown-host.ts";
import { startProxy } from "../../../support/traffic/connect-proxy.ts";
import { type SocksProxyOptions, startSocksProxy } from "../../../support/traffic/socks-proxy.ts";

const LONG_MS = 60_000;
const EDGE = { host: "edge.test", port: 443 };

/** A server on loopback that handles every connection with `serve`; returns its port. */
async function listen(serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    serve(socket);
  });
  return await startServer(server, () => {
    for (const socket of sockets) socket.destroy();
  });
}

async function startServer(server: ReturnType<typeof createServer>, stop: () => void): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    stop();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** A server that greets first, as one behind a proxy may. */
const greeting = () => listen((socket) => void socket.write("hello"));

async function socksProxy(options: SocksProxyOptions = {}) {
  const proxy = await startSocksProxy(options);
  onTestFinished(() => proxy.close());
  return proxy;
}

const open = (value: string, destination = EDGE, timeoutMs = LONG_MS) =>
  openTunnel(parseProxy(value, "HTTPS_PROXY"), destination, { timeoutMs });

/** What a failed tunnel shows. */
async function failureOf(tunnel: Promise<Socket>): Promise<{ code: string; text: string; action: string }> {
  try {
    (await tunnel).destroy();
  } catch (thrown) {
    const { code, message, action } = thrown as { code: string; message: string; action: string };
    return { code, text: message, action };
  }
  throw new Error("The tunnel opened.");
}

async function greetingOf(tunnel: Socket): Promise<string> {
  const [first] = (await once(tunnel, "data")) as [Buffer];
  tunnel.destroy();
  return first.toString();
}

/** An HTTP proxy that answers every CONNECT with `answer`. */
const answering = (answer: string) =>
  listen((socket) => socket.once("data", () => socket.end(answer.replaceAll("\n", "\r\n"))));

describe("openTunnel through an HTTP proxy", () => {
  it("loses no byte that the server sends first", async () => {
    const proxy = await startProxy();
    const port = await greeting();
    const tunnel = await open(proxy.url, { host: "127.0.0.1", port });
    expect(await greetingOf(tunnel)).toBe("hello");
  });

  it("sends host, port and login, and nothing else", async () => {
    const heads: string[] = [];
    const port = await listen((socket) =>
      socket.once("data", (head: Buffer) => {
        heads.push(head.toString());
        socket.end("HTTP/1.1 403 No\r\n\r\n");
      }),
    );
    await failureOf(open(`us%40er:p%3Ass@127.0.0.1:${port}`, { host: "fd00::1", port: 8444 }));
    const login = Buffer.from("us@er:p:ss").toString("base64");
    const head = [
      "CONNECT [fd00::1]:8444 HTTP/1.1",
      "host: [fd00::1]:8444",
      `proxy-authorization: Basic ${login}`,
    ];
    expect(heads).toEqual([`${head.join("\r\n")}\r\n\r\n`]);
  });

  it.each([
    [
      'HTTP/1.1 407 Proxy Authentication Required\nProxy-Authenticate: Basic realm="The Squid"\n\n',
      'asks for a login (407 Proxy Authentication Required: Basic realm="The Squid")',
      "Put user and password into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT",
    ],
    [
      "HTTP/1.1 407 No\nProxy-Authenticate: NTLM\nProxy-Authenticate: Negotiate\n\n",
      "asks for a login that Fairlead does not support (407 No: NTLM, Negotiate)",
      "Have the proxy accept Basic",
    ],
    [
      "HTTP/1.1 403 Forbidden\nX-Squid-Error: ERR_ACCESS_DENIED 0\n\n",
      "refused the connection to edge.test:443 (403 Forbidden, ERR_ACCESS_DENIED 0)",
      "allow CONNECT to edge.test:443",
    ],
    ["HTTP/1.1 405 Method Not Allowed\n\n", "(405 Method Not Allowed)", "is no proxy for CONNECT"],
    ["HTTP/1.1 429 Slow Down\n\n", "(429 Slow Down)", "No action is needed"],
    ["HTTP/1.1 503 Service Unavailable\n\n", "(503 Service Unavailable)", "can resolve and reach it"],
    ["HTTP/1.1 301 Moved\nLocation: https://x.test\n\n", "(301 Moved)", "Check the value of HTTPS_PROXY"],
    [`HTTP/1.1 502 ${"x".repeat(500)}\n\n`, "x…)", "can resolve and reach it"],
    ["SSH-2.0-OpenSSH_9.2\n", "does not answer as an HTTP proxy does", "needs socks5://"],
    ["", "closed the connection without an answer", "the proxy's log"],
  ])("says why for %j", async (answer, text, action) => {
    const failure = await failureOf(open(`127.0.0.1:${await answering(answer)}`));
    expect(failure.code).toBe("proxy.failed");
    expect(failure.text).toContain(text);
    expect(failure.action).toContain(action);
  });

  it("says that the proxy refused the login, without the password", async () => {
    const port = await answering("HTTP/1.1 407 Denied\nProxy-Authenticate: Basic realm=x\n\n");
    const { text, action } = await failureOf(open(`http://user:hunter2@127.0.0.1:${port}`));
    expect(text).toContain("refused the user and the password (407 Denied: Basic realm=x)");
    expect(action).toContain("Correct user and password in HTTPS_PROXY");
    expect(text + action).not.toContain("hunter2");
  });

  it("gives up on a proxy that never answers", async () => {
    const closed = Promise.withResolvers<void>();
    const port = await listen((socket) => void socket.resume().once("close", () => closed.resolve()));
    const { code, text } = await failureOf(open(`127.0.0.1:${port}`, EDGE, 50));
    expect(code).toBe("proxy.failed");
    expect(text).toContain("opened no connection to edge.test:443 within");
    await closed.promise;
  });

  it("gives up when the caller does, and closes its connection", async () => {
    const stop = new AbortController();
    const closed = Promise.withResolvers<void>();
    const port = await listen((socket) => {
      socket.once("data", () => stop.abort());
      socket.once("close", () => closed.resolve());
    });
    const proxy = parseProxy(`127.0.0.1:${port}`, "HTTPS_PROXY");
    const tunnel = openTunnel(proxy, EDGE, { timeoutMs: LONG_MS, signal: stop.signal });
    expect((await failureOf(tunnel)).code).toBe("proxy.failed");
    await closed.promise;
    const late = openTunnel(proxy, EDGE, { timeoutMs: LONG_MS, signal: stop.signal });
    expect((await failureOf(late)).code).toBe("proxy.failed");
  });

  it("says that nothing listens, or that the proxy's name is unknown", async () => {
    const closed = await failureOf(open("127.0.0.1:1"));
    expect(closed.text).toBe("The proxy http://127.0.0.1:1 cannot be reached (ECONNREFUSED).");
    expect(closed.action).toContain("that the proxy runs");
    const unknown = await failureOf(open(`${UNKNOWN_HOST}:3128`));
    expect(unknown.text).toContain("cannot be reached");
    expect(unknown.action).toContain("DNS");
  });
});

describe("openTunnel through a proxy with TLS", () => {
  it("says that the proxy's certificate is not trusted", async () => {
    const { certificate: cert, key } = await makeCertificates();
    const server = createTlsServer({ cert, key });
    server.on("tlsClientError", () => {});
    const port = await startServer(server, () => {});
    const { code, text, action } = await failureOf(open(`https://127.0.0.1:${port}`));
    expect(code).toBe("proxy.failed");
    expect(text).toMatch(/The certificate of the proxy https:\/\/127\.0\.0\.1:\d+ is not trusted \(\w+\)/);
    expect(action).toContain("NODE_EXTRA_CA_CERTS");
  });

  it("says that the proxy does not speak TLS", async () => {
    const { text, action } = await failureOf(
      open(`https://127.0.0.1:${await answering("HTTP/1.1 400 No\n\n")}`),
    );
    expect(text).toContain("does not speak TLS");
    expect(action).toContain("http:// instead of https://");
  });
});

describe("openTunnel through a SOCKS5 proxy", () => {
  it("leaves the name to the proxy of socks5h, and loses no byte that the server sends first", async () => {
    const proxy = await socksProxy({ resolve: { "edge.test": "127.0.0.1" } });
    const port = await greeting();
    const tunnel = await open(`socks5h://127.0.0.1:${proxy.port}`, { host: "edge.test", port });
    expect(await greetingOf(tunnel)).toBe("hello");
    expect(proxy.requests).toEqual([`edge.test:${port}`]);
  });

  it("resolves the name itself for socks5", async () => {
    const proxy = await socksProxy();
    const port = await greeting();
    const tunnel = await open(`socks5://127.0.0.1:${proxy.port}`, { host: "localhost", port });
    expect(await greetingOf(tunnel)).toBe("hello");
    expect(proxy.requests.at(-1)).toBe(`127.0.0.1:${port}`);
    const unknown = await failureOf(open(`socks5://127.0.0.1:${proxy.port}`, { host: UNKNOWN_HOST, port }));
    expect(unknown.code).toBe("edge.unreachable");
    expect(unknown.action).toContain("socks5h://");
  });

  it("asks for an IPv6 address by its bytes", async () => {
    const proxy = await socksProxy({ reply: 4 });
    await failureOf(open(`socks5://127.0.0.1:${proxy.port}`, { host: "fd00::1:2", port: 8444 }));
    expect(proxy.requests).toEqual(["fd00::1:2:8444"]);
  });

  it("logs in with user and password", async () => {
    const proxy = await socksProxy({ login: "us er:pä%ss" });
    const port = await greeting();
    const tunnel = await open(`socks5h://us%20er:p%C3%A4%25ss@127.0.0.1:${proxy.port}`, {
      host: "127.0.0.1",
      port,
    });
    expect(await greetingOf(tunnel)).toBe("hello");
  });

  it.each([
    [{ login: "user:right" }, "", "asks for a login", "Put user and password into HTTPS_PROXY"],
    [
      { login: "user:right" },
      "user:hunter2@",
      "refused the user and the password",
      "Correct user and password",
    ],
    [{ reply: 2 }, "", "edge.test:443 (not allowed by its rules)", "allow edge.test:443"],
    [{ reply: 4 }, "", "edge.test:443 (host unreachable)", "can resolve and reach it"],
    [{ reply: 5 }, "", "edge.test:443 (connection refused)", "can resolve and reach it"],
    [{ reply: 77 }, "", "edge.test:443 (reply 77)", "can resolve and reach it"],
  ])("says why for %j with the login %j", async (options, login, text, action) => {
    const proxy = await socksProxy(options);
    const failure = await failureOf(open(`socks5h://${login}127.0.0.1:${proxy.port}`));
    expect(failure.code).toBe("proxy.failed");
    expect(failure.text).toContain(text);
    expect(failure.action).toContain(action);
    expect(failure.text + failure.action).not.toContain("hunter2");
  });

  it("says that an HTTP proxy is no SOCKS5 proxy, and that the proxy closed", async () => {
    const http = await failureOf(open(`socks5h://127.0.0.1:${await answering("HTTP/1.1 400 Bad\n\n")}`));
    expect(http.text).toContain("does not answer as a SOCKS5 proxy does");
    expect(http.action).toContain("http://");
    const closing = await failureOf(open(`socks5h://127.0.0.1:${await answering("")}`));
    expect(closing.text).toContain("closed the connection without an answer");
  });

  it("gives up on a proxy that never answers", async () => {
    const port = await listen(() => {});
    const { text } = await failureOf(open(`socks5h://127.0.0.1:${port}`, EDGE, 50));
    expect(text).toContain("opened no connection to edge.test:443 within");
  });
});
