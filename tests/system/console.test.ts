/** The console of an edge on this machine: its listener on loopback, the modes of sign-in, and the generated password. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { type IncomingHttpHeaders, request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { ConsoleSession } from "../../protocol/api/console.ts";
import { get } from "../support/edge/edge-client.ts";
import type { Edge } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge({ args: ["--console", "internal", "--console-listen", "127.0.0.1:0"] });

const Started = z.object({
  console: z.object({
    mode: z.string(),
    url: z.url().nullable(),
    user: z.object({ name: z.string(), password: z.string().nullable() }).nullable(),
  }),
});
const startedOf = ({ process }: Edge) => Started.parse(JSON.parse(process.stdout)).console;
const originOf = (edge: Edge) => new URL(startedOf(edge).url ?? "").origin;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

/** Sends a request to the listener on loopback. */
async function ask(
  edge: Edge,
  path: string,
  { method = "GET", headers = {}, body }: Sent = {},
): Promise<Answer> {
  const origin = originOf(edge);
  const page =
    method === "GET" ? {} : { origin, "fairlead-console": "1", "content-type": "application/json" };
  const sent = request(`${origin}${path}`, { method, headers: { ...page, ...headers } });
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  sent.once("error", reject);
  sent.once("response", (response) => {
    text(response).then(
      (read) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: read }),
      reject,
    );
  });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  return await promise;
}

const codeOf = ({ status, body }: Answer): [number, unknown] => [status, JSON.parse(body).error?.code];

/** Every file below a directory, as one text. */
async function contents(directory: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((file) => readFile(file, "latin1")))).join("\n");
}

describe("The console on loopback", () => {
  it("is served over plain HTTP with its policy, and leads every address of its application to the page", async () => {
    const page = await ask(suite.edge, "/console/");
    expect([page.status, page.headers["cache-control"]]).toEqual([200, "no-cache"]);
    expect(page.headers["content-security-policy"]).toContain("script-src 'self'");
    expect(page.body).toContain("<!doctype html>");
    expect((await ask(suite.edge, "/console/sites/west")).body).toBe(page.body);
    const script = /src="(\/console\/assets\/[^"]+\.js)"/.exec(page.body)?.[1] ?? "";
    const file = await ask(suite.edge, script, { headers: { "accept-encoding": "br" } });
    expect([file.status, file.headers["content-encoding"]]).toEqual([200, "br"]);
    expect(file.headers["cache-control"]).toContain("immutable");
    const known = await ask(suite.edge, script, { headers: { "if-none-match": file.headers.etag ?? "" } });
    expect([known.status, known.body]).toEqual([304, ""]);
    const root = await ask(suite.edge, "/");
    expect([root.status, root.headers.location]).toEqual([302, "/console/"]);
    for (const path of [
      "/console/manifest.json",
      "/console/assets/",
      "/console/assets/%2e%2e/manifest.json",
    ]) {
      expect(codeOf(await ask(suite.edge, path)), path).toEqual([404, "route.unknown"]);
    }
  });

  it("answers to no other name than those of this machine", async () => {
    const { port } = new URL(originOf(suite.edge));
    for (const host of [`evil.example:${port}`, `localhost.evil.example:${port}`, "edge.example"]) {
      for (const path of ["/console/", "/v1/session", "/v1/networks"]) {
        const answer = await ask(suite.edge, path, { headers: { host } });
        expect(codeOf(answer), `${host} ${path}`).toEqual([403, "console.wrong_host"]);
      }
    }
    expect((await ask(suite.edge, "/console/", { headers: { host: `localhost:${port}` } })).status).toBe(200);
  });

  it("signs in with the generated password, which is printed once and stored nowhere", async () => {
    const { user } = startedOf(suite.edge);
    const password = user?.password ?? "";
    expect([user?.name, password.length >= 20]).toEqual(["admin", true]);
    const signedIn = await ask(suite.edge, "/v1/session", {
      method: "POST",
      body: { user: "admin", password },
    });
    expect(signedIn.status).toBe(200);
    const cookie = signedIn.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const made = { method: "POST", body: { name: "shop" } };
    expect((await ask(suite.edge, "/v1/networks", { ...made, headers: { cookie } })).status).toBe(201);
    const forged = { cookie, origin: "https://evil.example" };
    expect(codeOf(await ask(suite.edge, "/v1/networks", { ...made, headers: forged }))).toEqual([
      403,
      "console.cross_site",
    ]);
    await suite.edge.restart();
    expect(startedOf(suite.edge)).toMatchObject({ mode: "internal", user: null });
    expect((await ask(suite.edge, "/v1/networks", { headers: { cookie } })).status).toBe(200);
    const { stdout, stderr } = suite.edge.process;
    // The files of an edge that runs come and go.
    await suite.edge.stop();
    const written = (await contents(suite.edge.stateDir)) + stderr + stdout;
    expect(written).not.toContain(password);
    expect(written).not.toContain(cookie.slice(cookie.indexOf("=") + 1));
    await suite.edge.restart();
  });

  it("opens by a link of `fairlead console`, which works once", async () => {
    const { stdout } = await suite.edge.fairlead("console", "--no-open", "--json");
    const { url } = z.object({ url: z.url() }).parse(JSON.parse(stdout));
    expect(url.startsWith(`${originOf(suite.edge)}/console/#link=`)).toBe(true);
    const body = { link: url.slice(url.indexOf("=") + 1) };
    const first = await ask(suite.edge, "/v1/session", { method: "POST", body });
    expect(ConsoleSession.parse(JSON.parse(first.body)).user?.grants).toEqual([
      { role: "admin", networks: null },
    ]);
    expect(codeOf(await ask(suite.edge, "/v1/session", { method: "POST", body }))).toEqual([
      401,
      "console.sign_in_failed",
    ]);
  });

  it("has users that `fairlead console user` sets, lists and removes", async () => {
    const file = suite.cluster.path("password");
    await writeFile(file, "a long password\n");
    const set = await suite.edge.fairlead("console", "user", "set", "vera", "--password-file", file);
    expect(set.status, set.stderr).toBe(0);
    const body = { user: "vera", password: "a long password" };
    expect((await ask(suite.edge, "/v1/session", { method: "POST", body })).status).toBe(200);
    expect((await suite.edge.fairlead("console", "user", "list")).stdout).toMatch(/vera +viewer +all/);
    expect((await suite.edge.fairlead("console", "user", "remove", "vera")).status).toBe(0);
    expect((await ask(suite.edge, "/v1/session", { method: "POST", body })).status).toBe(401);
  });
});

describe("fairlead edge start --console", () => {
  it("serves a console without sign-in on loopback alone, and nothing with `none`, which it keeps", async () => {
    const stateDir = suite.cluster.fresh("open");
    const open = await suite.cluster.edge({
      stateDir,
      args: ["--console", "unsecured", "--console-listen", "[::1]:0"],
    });
    expect(originOf(open)).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await ask(open, "/v1/networks", { method: "POST", body: { name: "shop" } })).status).toBe(201);
    const foreign = { "sec-fetch-site": "cross-site" };
    expect((await ask(open, "/v1/networks", { headers: foreign })).status).toBe(403);
    const at = (path: string) => get(`${open.localUrl}${path}`, { ca: open.ca });
    expect([(await at("/console/")).status, (await at("/v1/networks")).status]).toEqual([404, 401]);
    await open.stop();

    const off = await suite.cluster.edge({ stateDir, args: ["--console", "none"] });
    expect(startedOf(off)).toEqual({ mode: "none", url: null, user: null });
    expect((await get(`${off.localUrl}/console/`, { ca: off.ca })).status).toBe(404);
    expect((await get(`${off.localUrl}/`, { ca: off.ca })).status).toBe(404);
    await off.stop();
    const again = await suite.cluster.edge({ stateDir });
    expect(startedOf(again).mode).toBe("none");
    await again.stop();
  });
});
