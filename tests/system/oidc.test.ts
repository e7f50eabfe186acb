/** Identity tokens (OpenID Connect) at a real edge, from a provider over TLS on this machine. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as readText } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { get } from "../support/edge/edge-client.ts";
import { CLIENT, makeSigningKey, Provider, type TokenParts } from "../support/edge/identity-provider.ts";
import { freePort } from "../support/free-port.ts";
import { Browser, type Send } from "../support/http/browser.ts";
import { Cluster, type Edge, eventually } from "../support/process/cluster.ts";

let cluster: Cluster;
let edge: Edge;
let provider: Provider;
let home: string;
const door = await freePort();
const HOSTNAME = "shop.example.com";

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "fairlead-oidc-"));
  cluster = await Cluster.create();
  provider = await Provider.start({ tls: true });
  writeFileSync(join(home, "ca.pem"), provider.ca ?? "");
  const file = join(home, "oidc.yaml");
  const roles = "admins: admin\n  shop-team: { role: operator, networks: [shop] }";
  writeFileSync(
    file,
    `issuer: ${provider.issuer}\naudience: fairlead-edge\nclaim: groups\nca: ca.pem\ndoor: { client: ${CLIENT.id} }\nroles:\n  ${roles}\n`,
  );
  edge = await cluster.edge({ args: ["--oidc", file, "--door", `127.0.0.1:${door}`] });
  for (const name of ["shop", "bank"]) {
    const made = await edge.fairlead("network", "create", name);
    expect(made.status, made.stderr + cluster.logs()).toBe(0);
  }
});

afterEach(() => {
  provider.instead = null;
});

afterAll(async () => {
  await cluster?.close();
  await provider?.stop();
  rmSync(home, { recursive: true, force: true });
});

async function ask(token: string, path = "/v1/networks"): Promise<[number, string | undefined]> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await get(`${edge.localUrl}${path}`, { ca: edge.ca, headers });
  return [answer.status, JSON.parse(answer.body).error?.code];
}

const token = (groups: string[], parts: TokenParts = {}) =>
  provider.token({ ...parts, claims: { groups, ...parts.claims } });

describe("An edge with an identity provider", () => {
  it("refuses tokens of an unreachable provider with oidc.unreachable, and still accepts API keys", async () => {
    provider.instead = () => "cut";
    expect(await ask(await token(["admins"]))).toEqual([503, "oidc.unreachable"]);
    expect(await ask(edge.adminKey)).toEqual([200, undefined]);
    // The edge asks the provider again after ten seconds, which may be over once on a slow machine.
    const asked = provider.asked.length;
    const good = await token(["admins"]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(good)));
    expect(answers).toEqual(answers.map(() => [503, "oidc.unreachable"]));
    expect(provider.asked.length - asked).toBeLessThanOrEqual(1);
    provider.instead = null;
    await eventually("the provider is asked again", async () => (await ask(good))[0] === 200, { every: 500 });
  });

  it("gives a token the role that its claims map to, also in commands", async () => {
    expect(await ask(await token(["admins"]), "/v1/keys")).toEqual([200, undefined]);
    expect(await ask(await token(["shop-team"]), "/v1/networks/shop/tokens")).toEqual([200, undefined]);
    expect(await ask(await token(["shop-team"]), "/v1/networks/bank")).toEqual([403, "key.forbidden"]);
    expect(await ask(await token(["shop-team"]), "/v1/keys")).toEqual([403, "key.forbidden"]);
    expect(await ask(await token(["others"]))).toEqual([403, "oidc.no_role"]);
    const env = {
      FAIRLEAD_URL: edge.localUrl,
      FAIRLEAD_CA: edge.caFile,
      FAIRLEAD_KEY: await token(["shop-team"]),
    };
    const made = await cluster.fairlead(["token", "create", "--network", "shop", "--json"], env);
    expect(made.status, made.stderr).toBe(0);
    const events = await edge.fairlead("events", "--network", "shop", "--type", "token.created", "--json");
    expect(events.stdout).toContain('"oidc user-1"');
  });

  it("refuses forged and misaddressed tokens with oidc.invalid, and old tokens with oidc.expired", async () => {
    const forged = await token(["admins"], {
      key: { ...(await makeSigningKey()), kid: provider.keys[0]?.kid ?? "" },
    });
    expect(await ask(forged)).toEqual([401, "oidc.invalid"]);
    expect(await ask(await token(["admins"], { expiresIn: -120 }))).toEqual([401, "oidc.expired"]);
    expect(await ask(await token(["admins"], { claims: { aud: "other" } }))).toEqual([401, "oidc.invalid"]);
    expect(await ask(await token(["admins"], { key: await makeSigningKey() }))).toEqual([
      401,
      "oidc.invalid",
    ]);
  });

  it("checks many tokens at once without a further fetch of keys", async () => {
    const asked = provider.asked.length;
    const good = await token(["admins"]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(good)));
    expect(answers.every(([status]) => status === 200)).toBe(true);
    expect(provider.asked).toHaveLength(asked);
  });

  it("refuses to start with an invalid file, and names its fields", async () => {
    const file = join(home, "bad.yaml");
    writeFileSync(file, `issuer: http://login.example\naudience: x\nroles: { a: root }\n`);
    const outcome = await cluster.fairlead([
      "edge",
      "start",
      "--state",
      cluster.fresh("bad"),
      "--oidc",
      file,
      "--json",
    ]);
    expect(outcome.json).toMatchObject({ error: { code: "request.invalid" } });
    expect(JSON.stringify(outcome.json)).toMatch(/issuer.*https.*roles\.a/);
  });
});

describe("A hostname that asks for an identity", () => {
  const origin = `https://${HOSTNAME}:${door}`;
  const target = createServer((incoming, answer) => answer.end(JSON.stringify(incoming.headers)));

  /** Sends a request to the door, whose certificate is of the deployment CA for another name. */
  const send: Send = (url, { method, headers, body }) =>
    new Promise((resolve, reject) => {
      const { host, pathname, search } = new URL(url);
      const options = {
        host: "127.0.0.1",
        servername: "localhost",
        port: door,
        ca: edge.ca,
        agent: false,
        method,
      };
      const sent = request(
        { ...options, path: `${pathname}${search}`, headers: { ...headers, host } },
        (incoming) => {
          const fields = Object.entries(incoming.headersDistinct).flatMap(([name, values = []]) =>
            values.map((value): [string, string] => [name, value]),
          );
          void readText(incoming).then((read) => {
            const status = incoming.statusCode ?? 0;
            resolve(new Response(status === 304 ? null : read, { status, headers: fields }));
          }, reject);
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });

  beforeAll(async () => {
    await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
    const network = await cluster.network(edge, "market");
    expect((await edge.fairlead("hostname", "add", HOSTNAME, "--network", "market")).stderr).toBe("");
    await cluster.connector({
      site: "east",
      token: await network.token(),
      expose: [`web=127.0.0.1:${(target.address() as AddressInfo).port}/http`],
      args: ["--ingress", `web=${HOSTNAME},access=oidc`],
    });
    const published = async () =>
      (await send(origin, { method: "GET", headers: {}, body: undefined })).status;
    await eventually("the hostname is published", async () => (await published()) === 401 || null);
  });

  afterAll(() => void target.close());

  it("takes a token of the provider, and the connector lets in its caller", async () => {
    const withToken = async (text: string) =>
      send(origin, { method: "GET", headers: { authorization: `Bearer ${text}` }, body: undefined });
    const answer = await withToken(await token([]));
    expect(answer.status).toBe(200);
    const fields = await answer.json();
    expect(fields).toMatchObject({ "fairlead-caller": "oidc user-1", "fairlead-door": HOSTNAME });
    expect(fields).not.toHaveProperty("authorization");
    expect((await withToken(await token([], { key: await makeSigningKey() }))).status).toBe(401);
    expect((await withToken(edge.adminKey)).status).toBe(401);
  });

  it("signs a browser in at the provider, and the target gets no cookie of the door", async () => {
    provider.redirectUris.push(`${origin}/.fairlead/callback`);
    const browser = new Browser(send);
    const left = await browser.visit(`${origin}/cart`);
    expect(left.status).toBe(302);
    const back = await browser.visit(provider.codeFlow.authorize(left.headers.get("location") ?? ""));
    expect([back.status, back.headers.get("location")]).toEqual([303, `${origin}/cart`]);
    const answer = await browser.visit(`${origin}/cart`);
    expect(answer.status).toBe(200);
    const fields = await answer.json();
    expect(fields).toMatchObject({ "fairlead-caller": "oidc ann@example.com (oidc 7)" });
    expect(fields).not.toHaveProperty("cookie");
  });
});
