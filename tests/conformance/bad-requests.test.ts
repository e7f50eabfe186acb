/** Bad requests at a listener, over a real edge, to real servers: none of them may reach a target as another request. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished } from "vitest";
import { conformanceCase } from "../support/conformance/conformance-case.ts";
import { startHaproxy, startNginx } from "../support/conformance/servers.ts";
import { freePort } from "../support/free-port.ts";
import {
  sendBadHttp2Requests,
  sendBadRequests,
  sendOddRequests,
  wrongOutcomes,
} from "../support/http/raw-http.ts";
import { type Connector, eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import type { Place } from "../support/traffic/servers.ts";

const suite = useEdge();
let west: Connector;
let east: Connector;

beforeAll(async () => {
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  [west, east] = await Promise.all([
    suite.cluster.connector({ site: "west", token, bind: "127.99.1.1" }),
    suite.cluster.connector({ site: "east", token, bind: "127.99.1.2" }),
  ]);
});

interface CountingTarget {
  readonly name: string;
  readonly port: number;
  /** The requests that the target counted: a line each, with method and path. */
  counted(): Promise<string[]> | string[];
}

async function nginx(): Promise<CountingTarget> {
  const port = await freePort();
  const { directory } = await startNginx(
    port,
    (at) => `log_format requests '$request_method $request_uri';
      server { listen 127.0.0.1:${port}; access_log ${at}/requests.log requests; location / { return 200 ok; } }`,
  );
  const counted = async () => linesOf(await readFile(join(directory, "requests.log"), "utf8"));
  return { name: "nginx", port, counted };
}

async function haproxy(): Promise<CountingTarget> {
  const port = await freePort();
  const { output } = await startHaproxy(
    port,
    () => `frontend f
  bind 127.0.0.1:${port}
  log stdout format raw local0
  option dontlognull
  log-format "counted %HM %HU"
  http-request return status 200 content-type text/plain string ok`,
  );
  const counted = () => linesOf(output()).filter((line) => line.startsWith("counted "));
  return { name: "haproxy", port, counted: () => counted().map((line) => line.slice("counted ".length)) };
}

async function node(): Promise<CountingTarget> {
  const port = await freePort();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    request.on("error", () => {});
    request.resume().on("end", () => response.end("ok"));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  onTestFinished(() => void server.close().closeAllConnections());
  return { name: "node", port, counted: () => requests };
}

const linesOf = (text: string): string[] => text.split("\n").filter((line) => line !== "");

/** Offers a target at east. Returns the address of west's listener. */
async function offer({ name, port }: CountingTarget): Promise<Place> {
  const { status, stderr } = await east.fairlead("expose", `${name}=127.0.0.1:${port}/http`);
  expect(status, stderr).toBe(0);
  return await west.listener(name);
}

/** The requests that were counted up to and without one that is sent now. */
async function countedNow(target: CountingTarget, { host, port }: Place, mark: string): Promise<string[]> {
  expect((await fetch(`http://${host}:${port}/${mark}`)).status).toBe(200);
  return await eventually(`${target.name} has counted /${mark}`, async () => {
    const lines = await target.counted();
    const at = lines.indexOf(`GET /${mark}`);
    return at < 0 ? null : lines.slice(0, at);
  });
}

const TARGETS = { nginx, haproxy, node };

describe("bad requests of HTTP", () => {
  for (const name of ["nginx", "haproxy", "node"] as const) {
    conformanceCase(`never become more requests at ${name} than the client sent`, [name], async () => {
      const target = await TARGETS[name]();
      const place = await offer(target);
      const odd = await sendOddRequests(place);
      expect(odd.wrong).toEqual([]);
      const first = await countedNow(target, place, "odd");
      expect(first).toHaveLength(odd.requests);
      const outcomes = await sendBadRequests(place);
      expect(wrongOutcomes(outcomes)).toEqual([]);
      const most = outcomes.reduce((sum, { requests }) => sum + requests, 0);
      const second = await countedNow(target, place, "bad");
      expect(second.length - first.length - 1).toBeLessThanOrEqual(most);
      const http2 = await sendBadHttp2Requests(place);
      expect(http2.wrong).toEqual([]);
      const third = await countedNow(target, place, "bad-http2");
      expect(third.length - second.length - 1).toBeLessThanOrEqual(http2.requests);
      expect(third.filter((line) => line.includes("smuggled"))).toEqual([]);
    });
  }
});
