/** h2spec's list, by number, through a listener of one site to a target in another, with real connectors and a real edge. */
import { once } from "node:events";
import http from "node:http";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { eventually } from "../support/clock/eventually.ts";
import { conformanceCase } from "../support/conformance/conformance-case.ts";
import { HTTP2_CASES, performHttp2Case } from "../support/http/http2-cases/cases.ts";
import { useEdge } from "../support/run/suite.ts";
import type { Place } from "../support/traffic/servers.ts";

const suite = useEdge();
let place: Place;
let requests = 0;

const target = http.createServer((request, response) => {
  requests++;
  request.resume();
  response.end("the content of the target");
});

async function status(): Promise<number | undefined> {
  const sent = http.request({ ...place, agent: false }).end();
  const [response]: http.IncomingMessage[] = await once(sent, "response");
  response?.resume();
  return response?.statusCode;
}

beforeAll(async () => {
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  const address = target.address();
  const port = typeof address === "object" ? address?.port : 0;
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  const [west] = await Promise.all([
    suite.cluster.connector({ site: "west", token, bind: "127.96.7.1" }),
    suite.cluster.connector({ site: "east", token, expose: [`web:8080=127.0.0.1:${port}/http`] }),
  ]);
  place = await west.listener("web");
  await eventually("the target answers", async () => (await status()) === 200);
});
afterAll(() => void target.close());

/** Performs the cases, and says how each that failed did. */
async function failures(cases: typeof HTTP2_CASES): Promise<string[]> {
  const failed: string[] = [];
  for (const each of cases) {
    await performHttp2Case(each, place).catch((error: unknown) => {
      failed.push(`${each.number} ${each.title}: ${error}`);
    });
  }
  return failed;
}

describe("HTTP/2 between sites, by h2spec's list", () => {
  for (const part of ["generic", "http2/3", "http2/4", "http2/5", "http2/6", "http2/7", "http2/8", "hpack"]) {
    const cases = HTTP2_CASES.filter(({ number }) => number.startsWith(part));
    const differing = cases.filter(({ difference }) => difference !== undefined).length;
    const but = differing === 0 ? "" : `, ${differing} of them with a known difference`;
    conformanceCase(`${part}: ${cases.length} cases${but}`, ["node"], async () => {
      expect(await failures(cases)).toEqual([]);
    });
  }

  conformanceCase("no malformed request reaches the target", ["node"], async () => {
    const malformed = HTTP2_CASES.filter((each) => each.requests === 0);
    await eventually("the requests of other cases have ended", async () => {
      const before = requests;
      return (await status()) === 200 && requests === before + 1;
    });
    const before = requests;
    await failures(malformed);
    expect(await status()).toBe(200);
    expect(requests - before).toBe(1);
  });
});
