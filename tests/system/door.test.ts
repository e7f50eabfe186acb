/** The public door on a machine: clients without a connector reach a published service by its hostname. */
import { createHash, randomBytes } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type RequestOptions,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { CreatedDoorKey } from "../../protocol/api/hostnames.ts";
import { eventually } from "../support/clock/eventually.ts";
import { freePort } from "../support/free-port.ts";
import type { Connector, Edge, TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";

const OPEN = "shop.example.com";
const WITH_KEY = "app.example.com";

const port = await freePort();
const suite = useEdge({ args: ["--door", `127.0.0.1:${port}`, "--door-plain"] });
let edge: Edge;
let network: TestNetwork;
let east: Connector;
let target: Server;

/** Echoes the hash of a body, the fields of the request, or sends events until the client goes. */
function serve(incoming: IncomingMessage, answer: ServerResponse): void {
  if (incoming.url === "/events") {
    answer.writeHead(200, { "content-type": "text/event-stream" });
    answer.write("data: first\n\n");
    setTimeout(() => answer.end("data: last\n\n"), 300);
  } else if (incoming.method === "POST") {
    const hash = createHash("sha256");
    incoming.on("data", (bytes: Buffer) => hash.update(bytes));
    incoming.on("end", () => answer.end(hash.digest("hex")));
  } else answer.end(JSON.stringify(incoming.headers));
}

beforeAll(async () => {
  target = createServer(serve);
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  edge = suite.edge;
  network = await suite.cluster.network(edge);
  for (const hostname of [OPEN, WITH_KEY]) {
    const added = await edge.fairlead("hostname", "add", hostname, "--network", network.name);
    expect(added.stderr).toBe("");
  }
  east = await suite.cluster.connector({
    site: "east",
    token: await network.token(),
    expose: [`web=127.0.0.1:${(target.address() as AddressInfo).port}/http`],
    args: ["--ingress", `web=${OPEN},access=open`, "--ingress", `web=${WITH_KEY}`],
  });
  await eventually("the hostname is published", async () => (await visit(OPEN)).status === 200 || null);
});

afterAll(() => void target.close());

interface Visited {
  readonly status: number;
  readonly body: string;
}

/** Sends a request to the door. Resolves with the response whose head has arrived. */
function send(hostname: string, options: RequestOptions = {}, body?: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { host: hostname, ...options.headers };
    const sent = request({ host: "127.0.0.1", port, agent: false, ...options, headers }, resolve);
    sent.on("error", reject);
    sent.end(body);
  });
}

async function visit(hostname: string, options: RequestOptions = {}, body?: Buffer): Promise<Visited> {
  const answer = await send(hostname, options, body);
  return { status: answer.statusCode ?? 0, body: await text(answer) };
}

const withKey = (key: string) => visit(WITH_KEY, { headers: { authorization: `Bearer ${key}` } });

describe("A service that is published by a hostname", () => {
  it("answers clients without a connector, and sees the door and the client", async () => {
    const { status, body } = await visit(OPEN, {
      headers: { "fairlead-site": "west", "x-real-ip": "1.2.3.4" },
    });
    expect(status).toBe(200);
    const fields = z.record(z.string(), z.unknown()).parse(JSON.parse(body));
    expect(fields).toMatchObject({
      host: OPEN,
      "fairlead-door": OPEN,
      "fairlead-caller": "anyone",
      "x-forwarded-for": "127.0.0.1",
    });
    expect(fields["fairlead-site"]).toBeUndefined();
    expect(fields["x-real-ip"]).toBeUndefined();
  });

  it("gets a body of 10 MB unchanged", async () => {
    const bytes = randomBytes(10_000_000);
    const { status, body } = await visit(OPEN, { method: "POST" }, bytes);
    expect([status, body]).toEqual([200, createHash("sha256").update(bytes).digest("hex")]);
  });

  it("sends each event as it comes", async () => {
    const answer = await send(OPEN, { path: "/events" });
    const pieces: string[] = [];
    for await (const piece of answer.setEncoding("utf8")) pieces.push(String(piece));
    expect(pieces).toEqual(["data: first\n\n", "data: last\n\n"]);
  });

  it("lets in holders of a key for the hostname alone, until it is revoked", async () => {
    const made = await edge.fairlead(
      ...["key", "create", "app", "--door", WITH_KEY, "--network", network.name, "--json"],
    );
    const { id, key } = CreatedDoorKey.parse(JSON.parse(made.stdout));
    expect((await visit(WITH_KEY)).status).toBe(401);
    expect((await withKey("fld_wrong")).status).toBe(401);
    const { status, body } = await withKey(key);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ "fairlead-caller": "key app" });
    expect(body).not.toContain(key);
    await edge.fairlead("key", "revoke", id, "--door", "--network", network.name);
    expect((await withKey(key)).status).toBe(401);
  });

  it("is listed, and unknown by any other hostname", async () => {
    const listed = await edge.fairlead("hostname", "list", "--network", network.name);
    expect(listed.stdout).toMatch(/shop\.example\.com .* web +open +east/);
    expect((await visit("other.example.com")).status).toBe(421);
  });

  it("is gone with the hostname", async () => {
    await edge.fairlead("hostname", "remove", OPEN, "--network", network.name);
    await eventually("the hostname is unknown", async () => (await visit(OPEN)).status === 421 || null);
    await east.logged({ hostname: OPEN, code: "ingress.not_granted" });
  });
});
