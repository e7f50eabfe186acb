/** What two connectors tell of their traffic: traces, metrics, logs and dumps, and no secret in any of them. */

import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONNECTOR_LOG_PARTS } from "../../connector/log-levels.ts";
import { createKey, setConsoleUser } from "../../connector/operator/edge-api.ts";
import { eventually } from "../support/clock/eventually.ts";
import { get as ask } from "../support/edge/edge-client.ts";
import { freePort } from "../support/free-port.ts";
import type { Connector, TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { OtlpReceiver, type ReceivedSpan } from "../support/traffic/otlp-receiver.ts";
import { echo, exchange, type Place, serve } from "../support/traffic/servers.ts";

const SERVER = 2;
const CLIENT = 3;

/** What no log, trace, metric, dump or command line may have. The first four are in a request. */
const SECRETS = {
  query: "q-5f0c1d7a2b",
  cookie: "c-83e1b0f4d6",
  authorization: "a-19d7c3e5f8",
  password: "p-7b2e9a4c01",
  consolePassword: "console-2c9f4e7b10",
  wrongPassword: "wrong-8d3a6f5e21",
  clientSecret: "oidc-4b7e1c9d30",
};

const home = await mkdtemp(join(tmpdir(), "fairlead-seen-"));
await writeFile(join(home, "secret"), `${SECRETS.clientSecret}\n`);
await writeFile(
  join(home, "oidc.yaml"),
  `issuer: https://127.0.0.1:9\naudience: fairlead-edge\ndoor: { client: door, secretFile: secret }\nroles: { admins: admin }\n`,
);
const suite = useEdge({ args: ["--oidc", join(home, "oidc.yaml")] });
let receiver: OtlpReceiver;
let target: http.Server;
let web: Place;
let bytes: Place;
let connectors: Connector[];
let metrics: string;
let tokenFile: string;
let network: TestNetwork;
/** The header that the target got last. */
let traceparent: string | undefined;

beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  target = http.createServer((request, response) => {
    traceparent = request.headers.traceparent?.toString();
    response.statusCode = request.url?.startsWith("/broken") ? 503 : 200;
    response.end("hello");
  });
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  const address = target.address();
  if (address === null || typeof address === "string") throw new Error("The target has no port.");
  const echoing = await serve(echo);
  network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  tokenFile = token;
  metrics = `127.0.0.1:${await freePort()}`;
  const logging = ["--log-level", "debug", "--log", "requests"];
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_BSP_SCHEDULE_DELAY: "100" };
  connectors = await Promise.all([
    suite.cluster.connector({
      site: "west",
      token,
      bind: "127.97.1.1",
      env,
      args: [...logging, "--metrics", metrics],
    }),
    suite.cluster.connector({
      ...{ site: "east", token, bind: "127.97.1.2", env, args: logging },
      expose: [`web:8080=127.0.0.1:${address.port}/http`, `bytes:9090=${echoing.at}`],
    }),
  ]);
  const [west] = connectors;
  if (west === undefined) throw new Error("No connector was started.");
  [web, bytes] = await Promise.all([west.listener("web"), west.listener("bytes")]);
});

afterAll(async () => {
  target.close();
  receiver.close();
  await rm(home, { recursive: true });
});

async function get(path: string, headers: http.OutgoingHttpHeaders = {}): Promise<void> {
  const sent = http.get({ ...web, path, headers, agent: false });
  const [response] = (await once(sent, "response")) as [http.IncomingMessage];
  response.resume();
  await once(response, "end");
}

/** The two spans that match, at the listener and at the target. */
async function pairOf(matches: (span: ReceivedSpan) => boolean): Promise<[ReceivedSpan, ReceivedSpan]> {
  let found: (ReceivedSpan | undefined)[] = [];
  await eventually("both spans arrive", () => {
    const spans = receiver.spans.filter(matches);
    found = [spans.find(({ kind }) => kind === SERVER), spans.find(({ kind }) => kind === CLIENT)];
    return found.every((span) => span !== undefined);
  });
  const [listener, atTarget] = found;
  if (listener === undefined || atTarget === undefined) throw new Error("A span is missing.");
  return [listener, atTarget];
}

const atPath = (path: string) => (span: ReceivedSpan) => span.attributes["url.path"] === path;

async function sendSecrets(): Promise<void> {
  await get(`/secrets?token=${SECRETS.query}`, {
    authorization: `Bearer ${SECRETS.authorization}`,
    cookie: `session=${SECRETS.cookie}`,
    referer: `http://user:${SECRETS.password}@example.com/?token=${SECRETS.query}`,
  });
}

/** Signs in at the console of the edge. Returns the status of the answer. */
async function signIn(password: string): Promise<number | undefined> {
  const { localUrl, ca } = suite.edge;
  const headers = { origin: localUrl, "fairlead-console": "1", "content-type": "application/json" };
  const sent = https.request(`${localUrl}/v1/session`, { method: "POST", headers, ca, agent: false });
  sent.end(JSON.stringify({ user: "vera", password }));
  const [response] = (await once(sent, "response")) as [http.IncomingMessage];
  await text(response);
  return response.statusCode;
}

/** The files of a dump, by their names without the folder. */
async function filesOf(path: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const unpack = extract();
  unpack.on("entry", ({ name }, stream, next) => {
    void text(stream).then((content) => {
      files.set(name.replace(/^[^/]*\//, ""), content);
      next();
    });
  });
  await pipeline(createReadStream(path), createGunzip(), unpack);
  return files;
}

/** The command lines of the processes of this user. */
async function commandLines(): Promise<string> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = ids.map(async (id) => await readFile(`/proc/${id}/cmdline`, "utf8").catch(() => ""));
  return (await Promise.all(lines)).join("\n");
}

describe("Traces", () => {
  it("join both connectors and the target in the trace that the client began", async () => {
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const client = "b7ad6b7169203331";
    await get("/hello?secret=1", { traceparent: `00-${traceId}-${client}-01` });
    const [listener, atTarget] = await pairOf(atPath("/hello"));
    expect(listener).toMatchObject({ traceId, parentSpanId: client, name: "GET web", error: null });
    expect(atTarget).toMatchObject({ traceId, parentSpanId: listener.spanId, name: "GET web" });
    expect(traceparent).toBe(`00-${traceId}-${atTarget.spanId}-01`);
    expect(listener.attributes).toMatchObject({
      ...{ "http.request.method": "GET", "http.response.status_code": 200, "fairlead.service": "web" },
      ...{ "fairlead.peer.site.name": "east", "fairlead.session": atTarget.attributes["fairlead.session"] },
    });
    expect(listener.resource).toMatchObject({
      "service.name": "fairlead-connector",
      "fairlead.site.name": "west",
    });
    expect(JSON.stringify(receiver.spans)).not.toContain("secret");
  });

  it("begin at the listener where the client has none", async () => {
    await get("/own");
    const [listener, atTarget] = await pairOf(atPath("/own"));
    expect(listener.parentSpanId ?? "").toBe("");
    expect(atTarget).toMatchObject({ traceId: listener.traceId, parentSpanId: listener.spanId });
  });

  it("are not recorded where the client decided so, and its context is passed on", async () => {
    const context = "00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203331-00";
    await get("/unsampled", { traceparent: context });
    expect(traceparent).toBe(context);
    await get("/after");
    await pairOf(atPath("/after"));
    expect(receiver.spans.filter(atPath("/unsampled"))).toEqual([]);
  });

  it("say that a request failed", async () => {
    await get("/broken");
    const [listener, atTarget] = await pairOf(atPath("/broken"));
    expect([listener.error, atTarget.error]).toEqual(["503", "503"]);
  });

  it("have a span for a connection at both sides", async () => {
    await exchange(bytes, "bytes");
    const [listener, atTarget] = await pairOf(({ name }) => name === "tcp bytes");
    expect(atTarget).toMatchObject({ traceId: listener.traceId, parentSpanId: listener.spanId });
    expect(listener.attributes["fairlead.bytes_to_target"]).toBe(5);
  });
});

describe("A stream at the level debug", () => {
  it("has one line with the ids of network, site, session and stream", async () => {
    await exchange(bytes, "one line");
    const [west] = connectors;
    const ids = {
      network: network.id,
      site: expect.any(String),
      session: expect.any(String),
      stream: expect.any(Number),
    };
    const line = await west?.logged({ msg: "The flow is completed.", service: "bytes" });
    expect(line).toMatchObject(ids);
  });
});

describe("The metrics of a connector", () => {
  it("have its traffic, by service", async () => {
    const scraped = await (await fetch(`http://${metrics}/metrics`)).text();
    expect(scraped).toMatch(
      /^fairlead_connections_opened_total{.*dest_site_name="east",routing_key="bytes".*} [1-9]/m,
    );
    expect(scraped).toMatch(/^fairlead_requests_total{.*routing_key="web".*method="GET",code="2xx"} [1-9]/m);
    const skupper = await (await fetch(`http://${metrics}/metrics?names=skupper`)).text();
    expect(skupper).toMatch(/^skupper_sent_bytes_total{.*routing_key="bytes",protocol="tcp".*} [1-9]/m);
  });
});

describe("fairlead debug dump", () => {
  it("writes what is known of the site, for its owner's eyes, and overwrites nothing", async () => {
    const [west] = connectors;
    if (west === undefined) throw new Error("No connector was started.");
    const path = `${suite.cluster.fresh("dump")}.tar.gz`;
    const made = await west.fairlead("debug", "dump", "-o", path);
    expect(made).toMatchObject({
      status: 0,
      stderr: expect.stringContaining("Reading site/status.json."),
    });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const files = await filesOf(path);
    expect([...files.keys()].filter((name) => name !== "errors.json")).toEqual(
      expect.arrayContaining(["README.txt", "about.json", "doctor.json", "state.txt", "site/log.jsonl"]),
    );
    expect(JSON.parse(files.get("site/status.json") ?? "")).toMatchObject({ site: { name: "west" } });
    expect(JSON.parse(files.get("site/configuration.json") ?? "")).toMatchObject({
      logLevel: { level: "debug", parts: {} },
    });
    expect(files.get("site/log.jsonl")).toContain('"service":"bytes"');
    expect((await west.fairlead("debug", "dump", "-o", path)).stderr).toContain("exists already");
    const errors = JSON.parse(files.get("errors.json") ?? "") as { name: string; error: { code: string } }[];
    expect(errors.map(({ name, error }) => [name, error.code])).toEqual(
      ["network/status.json", "network/events.json", "network/traffic.json", "edge.json"].map((name) => [
        name,
        "edge.not_logged_in",
      ]),
    );
  });

  it("has the network as its edge knows it where there is a login, without the key of the login", async () => {
    const { adminKey } = suite.edge;
    const env = { ...suite.edge.env, FAIRLEAD_NETWORK: network.id };
    const path = `${suite.cluster.fresh("dump")}.tar.gz`;
    const { stateDir: state } = suite.edge;
    const made = await suite.cluster.fairlead(["debug", "dump", "--state", state, "-o", path], env);
    expect(made.status).toBe(0);
    const files = await filesOf(path);
    expect([...files.keys()]).toEqual([
      ...["README.txt", "about.json", "doctor.json", "state.txt", "network/status.json"],
      ...["network/events.json", "network/traffic.json", "edge.json"],
    ]);
    expect(files.get("state.txt")).toContain('"admin-key"');
    expect(files.get("doctor.json")).toMatch(/"login"/);
    expect(files.get("network/status.json")).toContain('"west"');
    expect([...files.values()].join("\n")).not.toContain(adminKey);
  });

  it("has what there is while the edge and the connector are away", async () => {
    const env = { ...suite.edge.env, FAIRLEAD_URL: `https://127.0.0.1:${await freePort()}` };
    const path = `${suite.cluster.fresh("dump")}.tar.gz`;
    const made = await suite.cluster.fairlead(
      ["debug", "dump", "--state", suite.cluster.fresh("nowhere"), "-o", path],
      env,
    );
    expect(made.status).toBe(0);
    const files = await filesOf(path);
    expect([...files.keys()]).toEqual(["README.txt", "about.json", "doctor.json", "errors.json"]);
    const errors = JSON.parse(files.get("errors.json") ?? "") as { name: string; error: { code: string } }[];
    const codes = Object.fromEntries(errors.map(({ name, error }) => [name, error.code]));
    expect(codes).toMatchObject({
      "site/status.json": "connector.unreachable",
      "network/status.json": "edge.unreachable",
    });
  });
});

describe("fairlead check --connect", () => {
  it.each(["web", "bytes"])("says where a connection to %s ended, and counts none", async (service) => {
    const [west] = connectors;
    const traffic = async () => await (await fetch(`http://${metrics}/metrics`)).text();
    const opened = new RegExp(`^fairlead_connections_opened_total{.*routing_key="${service}".*$`, "m");
    const before = opened.exec(await traffic())?.[0];
    const checked = await west?.fairlead("check", service, "--connect");
    expect(checked).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(
        /^A connection was opened in \S+ m?s: a target at site east accepted it\.$/m,
      ),
    });
    expect(opened.exec(await traffic())?.[0]).toBe(before);
  });
});

describe("The log", () => {
  it("names the part of the connector in each line", () => {
    const parts = connectors.flatMap((connector) => connector.log().map(({ part }) => part));
    expect(parts).toEqual(expect.arrayContaining(["site", "uplink", "session", "relay"]));
    expect(parts.filter((part) => !Object.hasOwn(CONNECTOR_LOG_PARTS, String(part)))).toEqual([]);
  });
});

describe("Secrets", () => {
  it("are in no log, trace, metric, dump or command line", async () => {
    const { client, ca, localUrl } = suite.edge;
    await sendSecrets();
    const { key: apiKey } = await createKey(client, { name: "scrapes", role: "viewer" });
    const authorization = `Bearer ${apiKey}`;
    const edgeMetrics = await ask(`${localUrl}/v1/networks/${network.id}/metrics`, {
      ca,
      headers: { authorization },
    });
    expect(edgeMetrics.status).toBe(200);
    await setConsoleUser(client, "vera", {
      password: SECRETS.consolePassword,
      role: "viewer",
      networks: null,
    });
    expect(await signIn(SECRETS.wrongPassword)).toBe(401);
    expect(await signIn(SECRETS.consolePassword)).toBe(200);
    await pairOf(atPath("/secrets"));
    const path = `${suite.cluster.fresh("dump")}.tar.gz`;
    expect((await connectors[0]?.fairlead("debug", "dump", "-o", path))?.status).toBe(0);
    const claim = /claim: (\S+)/.exec(await readFile(tokenFile, "utf8"))?.[1] ?? "";
    const key = await readFile(join(connectors[0]?.stateDir ?? "", "key.pem"), "utf8").catch(() => "");
    const secrets = [
      ...Object.values(SECRETS),
      apiKey,
      suite.edge.adminKey,
      claim.split(".").at(-1) ?? "",
      ...key.split("\n").slice(1, 2),
    ];
    const shown = {
      logs: JSON.stringify(connectors.map((connector) => connector.log())),
      traces: JSON.stringify(receiver.spans),
      metrics: await (await fetch(`http://${metrics}/metrics`)).text(),
      "metrics of the edge": edgeMetrics.body,
      "output of the edge": suite.edge.process.stdout + suite.edge.process.stderr,
      dump: [...(await filesOf(path)).values()].join("\n"),
      commands: await commandLines(),
    };
    expect(secrets.filter((secret) => secret.length < 10)).toEqual([]);
    for (const [where, content] of Object.entries(shown)) {
      expect(content.length, where).toBeGreaterThan(100);
      for (const secret of secrets) expect(content.includes(secret), where).toBe(false);
    }
  });
});

describe("Traces of a connector that stops", () => {
  it("are exported before its end", async () => {
    await get("/last");
    await Promise.all(connectors.map((connector) => connector.stop()));
    await pairOf(atPath("/last"));
  });
});
