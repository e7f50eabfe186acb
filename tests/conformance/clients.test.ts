/** Clients of Debian at a listener that speaks HTTP, over a real edge, to a target of Node: good clients, and slow ones. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect } from "vitest";
import { conformanceCase } from "../support/conformance/conformance-case.ts";
import { type Connector, eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { bytesOf, sha256 } from "../support/traffic/servers.ts";

const suite = useEdge();
const run = promisify(execFile);
/** Output of a program, whose exit status is a part of the result. */
const MAX_OUTPUT = 256 * 1024 * 1024;

const TEXT = "compressed ".repeat(1000);
const LARGE = bytesOf("large", 32 * 1024 * 1024);
const MEDIUM = LARGE.subarray(0, 4 * 1024 * 1024);

let west: Connector;
let east: Connector;
let target: Server;
/** Method and path of each request that the target had. */
let requests: string[] = [];
let plain: string;
let secure: string;
/** Arguments of curl that reach the listener with TLS by the name of its service. */
let resolved: string[];

function answer(request: IncomingMessage, response: ServerResponse): void {
  request.on("error", () => {});
  const { method, url = "" } = request;
  if (url === "/echo") {
    request.pipe(response);
    return;
  }
  if (url === "/early") {
    response.writeHead(413, { "content-length": 5 }).end("early");
    return;
  }
  let length = 0;
  request.on("data", (bytes: Buffer) => (length += bytes.length));
  request.on("end", () => {
    if (url === "/large") response.end(LARGE);
    else if (url === "/medium") response.end(MEDIUM);
    else if (url === "/gzip") response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(TEXT));
    else if (url === "/head") response.writeHead(200, { "content-length": 1000 }).end();
    else if (url === "/trailers") {
      response.writeHead(200, { trailer: "x-sum" });
      response.write("content");
      response.addTrailers({ "x-sum": "7" });
      response.end();
    } else response.end(JSON.stringify({ method, url, length, via: request.headers.via }));
  });
}

beforeAll(async () => {
  target = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  target.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    requests.push(`${request.method} ${request.url}`);
    const refusal = /^\/(413|417)$/.exec(request.url ?? "")?.[1];
    if (refusal !== undefined) response.writeHead(Number(refusal), { "content-length": 0 }).end();
    else {
      response.writeContinue();
      answer(request, response);
    }
  });
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  const address = target.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  const tls = ["--listen-tls", "safe=network"];
  const expose = [`web:8080=127.0.0.1:${port}/http`, `safe:8443=127.0.0.1:${port}/http`];
  [west, east] = await Promise.all([
    suite.cluster.connector({ site: "west", token, bind: "127.99.2.1", args: tls }),
    suite.cluster.connector({ site: "east", token, bind: "127.99.2.2", expose }),
  ]);
  const [web, safe] = [await west.listener("web"), await west.listener("safe")];
  plain = `http://${web.host}:${web.port}`;
  secure = `https://safe:${safe.port}`;
  const ca = suite.cluster.path("ca.pem");
  const made = await suite.edge.fairlead("network", "ca", network.name, "-o", ca);
  expect(made.status, made.stderr).toBe(0);
  resolved = ["--cacert", ca, "--resolve", `safe:${safe.port}:${safe.host}`];
  await writeFile(suite.cluster.path("large"), LARGE);
});
afterAll(() => void target.close().closeAllConnections());
beforeEach(() => {
  requests = [];
});

const curl = async (...args: readonly string[]): Promise<string> =>
  (await run("curl", ["-sS", ...args], { encoding: "latin1", maxBuffer: MAX_OUTPUT })).stdout;

describe("clients of an HTTP listener", () => {
  const versions = [
    ["--http1.1", "1.1 fairlead"],
    ["--http2-prior-knowledge", "2.0 fairlead"],
  ] as const;

  conformanceCase("get responses over HTTP/1.1, and over HTTP/2 with prior knowledge", ["curl"], async () => {
    for (const [option, via] of versions) {
      const seen: unknown = JSON.parse(await curl(option, "-d", "hello", `${plain}/a?b`));
      expect(seen).toEqual({ method: "POST", url: "/a?b", length: 5, via });
    }
    expect(requests).toEqual(["POST /a?b", "POST /a?b"]);
  });

  conformanceCase("stay at HTTP/1.1 where they offer an upgrade to h2c", ["curl", "nghttp"], async () => {
    expect(await curl("--http2", "-w", " %{http_version}", `${plain}/`)).toMatch(/ 1\.1$/);
    const upgrade = await run("nghttp", ["-u", "-n", `${plain}/`]).catch((error: unknown) => String(error));
    expect(JSON.stringify(upgrade)).toMatch(/upgrade failed/i);
    // nghttp asks for the upgrade with its request, and gives up where it is answered over HTTP/1.1.
    expect(requests).toEqual(["GET /", "GET /"]);
  });

  conformanceCase("choose HTTP/2 or HTTP/1.1 by ALPN", ["curl"], async () => {
    const format = ["-w", " %{http_version}"];
    expect(await curl(...resolved, "--http2", ...format, `${secure}/`)).toMatch(/2\.0 fairlead"} 2$/);
    expect(await curl(...resolved, "--http1.1", ...format, `${secure}/`)).toMatch(/1\.1 fairlead"} 1\.1$/);
    expect(await curl(...resolved, "--no-alpn", ...format, `${secure}/`)).toMatch(/1\.1 fairlead"} 1\.1$/);
  });

  conformanceCase("send content after the target's 100, and not after its refusal", ["curl"], async () => {
    const upload = ["-H", "Expect: 100-continue", "--expect100-timeout", "600", "-w", "%{http_code}"];
    for (const [option] of versions) {
      const content = ["--data-binary", "x".repeat(100_000), option];
      expect(await curl(...upload, ...content, `${plain}/yes`)).toMatch(/"length":100000,.*200$/);
      expect(await curl(...upload, ...content, `${plain}/413`)).toBe("413");
    }
    // curl 7.88 sends a request again after 417, which it cannot do over HTTP/2.
    expect(await curl(...upload, "--data-binary", "x", "--http1.1", `${plain}/417`)).toBe("417");
    expect(requests.filter((line) => line === "POST /yes")).toHaveLength(2);
  });

  conformanceCase("get an early response that arrives together with what follows it", ["curl"], async () => {
    for (const [option] of versions) {
      const upload = ["-T", suite.cluster.path("large"), "-H", "Expect:", "-w", "%{http_code}"];
      expect(await curl(option, ...upload, `${plain}/early`)).toBe("early413");
    }
  });

  conformanceCase("upload and download large content, with a length and in chunks", ["curl"], async () => {
    const file = suite.cluster.path("large");
    const out = suite.cluster.path("out");
    const tls = [...resolved, "--http2", "-T", file, `${secure}/echo`];
    for (const args of [
      ["--http1.1", `${plain}/large`],
      ["--http2-prior-knowledge", `${plain}/large`],
      ["--http1.1", "-T", file, `${plain}/echo`],
      ["--http1.1", "-T", file, "-H", "Transfer-Encoding: chunked", `${plain}/echo`],
      ["--http2-prior-knowledge", "-T", file, `${plain}/echo`],
      tls,
    ]) {
      await curl(...args, "-o", out);
      expect(sha256(await readFile(out)), args.join(" ")).toBe(sha256(LARGE));
    }
  });

  conformanceCase("end after the head of a response to HEAD, and read trailers", ["curl"], async () => {
    for (const [option] of versions) {
      expect(await curl(option, "-I", `${plain}/head`)).toContain("content-length: 1000");
      const text = await curl(option, "-D", "-", `${plain}/trailers`);
      expect(text).toContain("content");
      expect(text).toContain("x-sum: 7");
    }
  });

  conformanceCase("get compressed content as the target made it", ["curl"], async () => {
    for (const [option] of versions) {
      expect(await curl(option, "--compressed", `${plain}/gzip`)).toBe(TEXT);
      expect(await curl(option, `${plain}/gzip`)).toBe(gzipSync(TEXT).toString("latin1"));
    }
  });

  conformanceCase("get many streams of one connection answered", ["nghttp"], async () => {
    const { stdout } = await run("nghttp", ["-n", "-s", "-m", "200", `${plain}/`]);
    expect(stdout.match(/ 200 /g)).toHaveLength(200);
    expect(requests).toHaveLength(200);
  });

  conformanceCase("send thousands of requests, each of which arrives once", ["h2load"], async () => {
    for (const options of [["--h1"], ["-m", "100"], ["-m", "10", "-d", suite.cluster.path("small")]]) {
      await writeFile(suite.cluster.path("small"), "small");
      requests = [];
      const { stdout } = await run("h2load", [...options, "-n", "4000", "-c", "20", `${plain}/`]);
      expect(stdout, options.join(" ")).toMatch(/4000 succeeded, 0 failed, 0 errored, 0 timeout/);
      expect(stdout).toMatch(/status codes: 4000 2xx, 0 3xx, 0 4xx, 0 5xx/);
      expect(requests).toHaveLength(4000);
    }
  });

  conformanceCase("keep connections busy without an error", ["wrk"], async () => {
    const { stdout } = await run("wrk", ["-t", "1", "-c", "50", "-d", "3s", "--timeout", "60s", `${plain}/`]);
    expect(stdout).not.toMatch(/Socket errors|Non-2xx/);
    const [, answered = "0"] = /(\d+) requests in/.exec(stdout) ?? [];
    expect(Number(answered)).toBeGreaterThan(0);
    // The last request of each connection may have no answer.
    expect(requests.length - Number(answered)).toBeLessThanOrEqual(50);
  });
});

interface Usage {
  /** Resident memory, MiB. */
  readonly memory: number;
  readonly descriptors: number;
}

async function usageOf({ process: { pid } }: Connector): Promise<Usage> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const [, kilobytes = "0"] = /VmRSS:\s+(\d+)/.exec(status) ?? [];
  const { length } = await readdir(join("/proc", String(pid), "fd"));
  return { memory: Number(kilobytes) / 1024, descriptors: length };
}

describe("slow clients of an HTTP listener", () => {
  const CLIENTS = 300;

  for (const [title, options, path] of [
    ["heads that never end", ["-H", "-x", "24", "-i", "1"], "/"],
    ["content that never ends", ["-B", "-x", "24", "-i", "1", "-s", "8192"], "/"],
    ["hundreds of ranges", ["-R", "-a", "1", "-b", "2000"], "/medium"],
    ["reads of a few bytes", ["-X", "-w", "512", "-y", "1024", "-n", "1", "-z", "32"], "/medium"],
  ] as const) {
    conformanceCase(`delay no others, and hold little, with ${title}`, ["slowhttptest"], async () => {
      const before = [await usageOf(west), await usageOf(east)];
      const most = [0, 0];
      let isOver = false;
      const attack = run(
        "slowhttptest",
        [...options, "-c", String(CLIENTS), "-r", "100", "-l", "15", "-p", "60", "-u", `${plain}${path}`],
        { maxBuffer: MAX_OUTPUT },
      ).finally(() => {
        isOver = true;
      });
      let served = 0;
      while (!isOver) {
        const response = await fetch(`${plain}/other`);
        expect(response.status).toBe(200);
        await response.text();
        served++;
        for (const [at, connector] of [west, east].entries()) {
          const { memory, descriptors } = await usageOf(connector);
          const { memory: first, descriptors: fewest } = before[at] ?? { memory: 0, descriptors: 0 };
          most[at] = Math.max(most[at] ?? 0, memory - first);
          expect(descriptors - fewest, connector.site).toBeLessThanOrEqual(2 * CLIENTS);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const { stdout } = await attack;
      expect(stripVTControlCharacters(stdout)).not.toMatch(/service available:\s*NO/);
      expect(served).toBeGreaterThan(0);
      // Not a whole MiB for each of the slow clients, at either connector.
      expect(Math.max(...most), `growth in MiB: ${most.join(", ")}`).toBeLessThan(CLIENTS);
      await eventually("the connections are gone", async () => {
        const now = [await usageOf(west), await usageOf(east)];
        return now.every(({ descriptors }, at) => descriptors <= (before[at]?.descriptors ?? 0) + 50);
      });
    });
  }
});
