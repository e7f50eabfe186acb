/** `edge deploy` against a strict stand-in for Cloudflare's API and a stand-in for wrangler's upload. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ACCOUNT, FakeCloudflare, TOKEN } from "../../../support/edge/fake-cloudflare.ts";
import { makeWorld, type World } from "../../../support/process/cli-world.ts";

const WRANGLER = join(import.meta.dirname, "../../../support/edge/fake-wrangler.ts");
const [API, GATEWAY] = ["edge.example.com", "gateway.example.com"];

let cloudflare: FakeCloudflare;
let world: World;
let state: string;

beforeAll(async () => {
  cloudflare = await FakeCloudflare.start();
});
afterAll(() => cloudflare.stop());
beforeEach(async () => {
  cloudflare.reset();
  cloudflare.addZone("example.com");
  world = await makeWorld();
  state = join(world.dir, "deployment");
  Object.assign(world.env, {
    PATH: process.env.PATH,
    TMPDIR: world.dir,
    CLOUDFLARE_API_TOKEN: TOKEN,
    CLOUDFLARE_API_BASE_URL: cloudflare.url,
  });
});
afterEach(async () => {
  // Whatever was asked, the API knows it in that form.
  expect(cloudflare.complaints).toEqual([]);
  await world.remove();
});

const deploy = (...words: string[]) =>
  world.run(
    "edge",
    "deploy",
    "--state",
    state,
    "--wrangler",
    WRANGLER,
    "--api",
    API,
    "--gateway",
    GATEWAY,
    ...words,
  );

/** What wrangler uploaded, oldest first. */
async function uploads() {
  const text = await readFile(join(world.dir, "wrangler-deployed"), "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
}

describe("a deployment", () => {
  test("creates the CA and the admin key, uploads them with the Worker, and enables client certificates", async () => {
    const zone = cloudflare.zones[0];
    zone?.hostnames.push("other.example.com");
    const { exit, out, err } = await deploy();
    expect([exit, err]).toEqual([0, expect.stringContaining("Uploaded fairlead")]);
    const [upload] = await uploads();
    expect(upload.secrets).toEqual({
      DEPLOYMENT_CA: await readFile(join(state, "ca.pem"), "utf8"),
      DEPLOYMENT_CA_KEY: await readFile(join(state, "ca-key.pem"), "utf8"),
      ADMIN_KEY_HASH: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(upload).toMatchObject({
      token: TOKEN,
      account: ACCOUNT,
      values: {
        name: "fairlead",
        var: [`API_URL:https://${API}`, `GATEWAY_URL:https://${GATEWAY}`, `GATEWAY_HOSTNAME:${GATEWAY}`],
        domain: [API, GATEWAY],
      },
    });
    expect(zone?.hostnames).toEqual(["other.example.com", GATEWAY]);
    expect(out).toContain(`The edge is deployed: https://${API}, gateway at https://${GATEWAY}.`);
    expect(out).toContain(`fairlead login https://${API} --key-file ${state}/admin-key`);
    for (const secret of ["ca-key.pem", "admin-key", "deploy.json"]) {
      expect((await stat(join(state, secret))).mode & 0o777).toBe(0o600);
    }
    // The secrets were in no directory that stays, and in nothing that was printed.
    expect(existsSync(upload.cwd)).toBe(false);
    const key = (await readFile(join(state, "admin-key"), "utf8")).trim();
    for (const secret of [key, upload.secrets.DEPLOYMENT_CA_KEY, TOKEN])
      expect(out + err).not.toContain(secret);
  });

  test("updates a deployment with the same CA, keys and hostnames when it is repeated", async () => {
    await deploy("--worker", "my-edge");
    for (const hostname of [API, GATEWAY]) cloudflare.domains.set(hostname, "my-edge");
    cloudflare.zones[0]?.dns.push({ name: API, type: "AAAA", content: "100::" });
    cloudflare.log.length = 0;
    const again = await world.json("edge", "deploy", "--state", state, "--wrangler", WRANGLER);
    expect(again).toMatchObject({ worker: "my-edge", api: API, gateway: GATEWAY, dryRun: false });
    const [first, second] = await uploads();
    expect(second).toEqual({ ...first, cwd: second.cwd });
    expect(cloudflare.log.filter((line) => line.startsWith("PUT"))).toEqual([]);
  });

  test("continues where it stopped", async () => {
    await writeFile(join(world.dir, "wrangler-fails"), "the network went away");
    const failed = await deploy();
    expect([failed.exit, failed.err]).toEqual([1, expect.stringContaining("the network went away")]);
    expect(failed.err).toContain("code: deploy.failed");
    expect(cloudflare.zones[0]?.hostnames).toEqual([]);
    const ca = await readFile(join(state, "ca.pem"), "utf8");
    await rm(join(world.dir, "wrangler-fails"));
    cloudflare.lacking.add("ssl");
    expect((await deploy()).exit).toBe(3);
    cloudflare.lacking.clear();
    for (const hostname of [API, GATEWAY]) cloudflare.domains.set(hostname, "fairlead");
    expect((await deploy()).exit).toBe(0);
    expect(cloudflare.zones[0]?.hostnames).toEqual([GATEWAY]);
    expect((await uploads()).map(({ secrets }) => secrets.DEPLOYMENT_CA)).toEqual([ca, ca]);
  });

  test("accepts identity tokens like `edge start`, keeps the setting for updates, and drops it on request", async () => {
    const file = join(world.dir, "oidc.yaml");
    const settings = "issuer: https://id.example\naudience: fairlead\nroles: { ops: operator }\n";
    await writeFile(file, `${settings}door: { client: door, secretFile: secret }\n`);
    await writeFile(join(world.dir, "secret"), "of-the-client\n");
    const variables = async () =>
      (await uploads()).at(-1)?.values.var.filter((each: string) => each.startsWith("OIDC"));
    const { out, err } = await deploy("--oidc", file);
    expect(await variables()).toContain("OIDC_ISSUER:https://id.example");
    expect((await uploads()).at(-1)?.secrets).toMatchObject({ OIDC_CLIENT_SECRET: "of-the-client" });
    expect(out + err + (await readFile(join(state, "deploy.json"), "utf8"))).not.toContain("of-the-client");
    for (const hostname of [API, GATEWAY]) cloudflare.domains.set(hostname, "fairlead");
    await deploy();
    expect(await variables()).toEqual(
      expect.arrayContaining(['OIDC_ROLES:{"ops":"operator"}', "OIDC_CLIENT:door"]),
    );
    await deploy("--without-oidc");
    expect(await variables()).toEqual([]);
    await writeFile(file, "issuer: http://localhost:1\naudience: fairlead\nroles: { ops: operator }\n");
    expect((await deploy("--oidc", file)).exit).toBe(2);
  });

  test("serves the door's hostnames by routes, keeps them for updates, and drops them on request", async () => {
    const routes = async () => (await uploads()).at(-1)?.routes;
    cloudflare.addZone("example.org");
    const doors = ["--door-hostname", "*.shop.example.org", "--door-hostname", "app.example.com"];
    const { out, exit } = await deploy(...doors);
    expect(exit).toBe(0);
    const both = [
      { pattern: "*.shop.example.org/*", zone_name: "example.org" },
      { pattern: "app.example.com", custom_domain: true },
    ];
    expect(await routes()).toEqual(both);
    expect(out).toContain("fairlead hostname add '*.shop.example.org'");
    expect(out).toContain("Give *.shop.example.org a proxied DNS record");
    for (const hostname of [API, GATEWAY, "app.example.com"]) cloudflare.domains.set(hostname, "fairlead");
    await deploy();
    expect(await routes()).toEqual(both);
    await deploy("--without-door");
    expect(await routes()).toEqual([]);
    await deploy();
    expect(await routes()).toEqual([]);
  });

  test("refuses a hostname of the door that something else serves, or that is the edge's own", async () => {
    cloudflare.domains.set("taken.example.com", "other");
    const refusal = async (name: string) => {
      const { exit, err } = await deploy("--door-hostname", name);
      expect(exit).not.toBe(0);
      return err;
    };
    expect(await refusal("taken.example.com")).toContain('Worker "other" serves taken.example.com.');
    expect(await refusal(API)).toContain("is the edge's own hostname");
    expect(await refusal("shop.workers.dev")).toContain("in no zone of your own");
    expect(await refusal("Shop")).toContain("--door-hostname");
    expect(await refusal("shop.example.net")).toContain("sees no zone for shop.example.net");
    expect(await uploads()).toEqual([]);
  });

  test("names the rules of the zone that may refuse connectors", async () => {
    const zone = cloudflare.zones[0];
    if (zone) zone.rules = [{ action: "block", expression: "not cf.tls_client_auth.cert_verified" }];
    expect((await deploy()).out).toContain(
      `does not apply to ${GATEWAY}: not cf.tls_client_auth.cert_verified`,
    );
  });
});

describe("before anything is changed, a deployment refuses", () => {
  afterEach(async () => {
    expect(existsSync(state)).toBe(false);
    expect(await uploads()).toEqual([]);
    expect(cloudflare.zones.flatMap(({ hostnames }) => hostnames)).toEqual([]);
  });
  const refused = async (exit: number, code: string, why: string, ...words: string[]) => {
    const ran = await deploy(...words);
    expect([ran.exit, ran.err]).toEqual([exit, expect.stringContaining(`code: ${code}`)]);
    expect(ran.err).toContain(why);
  };

  test("a missing token, a wrong token, and a token without access to the zone", async () => {
    cloudflare.lacking.add("zone");
    await refused(2, "deploy.missing", "sees no zone for edge.example.com");
    world.env.CLOUDFLARE_API_TOKEN = "another-token-of-Cloudflare_012345";
    await refused(3, "deploy.account", "Authentication error (10000)");
    delete world.env.CLOUDFLARE_API_TOKEN;
    await refused(2, "deploy.missing", "CLOUDFLARE_API_TOKEN");
  });

  test("a zone that is not active, and zones of two accounts", async () => {
    const [zone] = cloudflare.zones;
    if (zone) zone.status = "pending";
    await refused(2, "deploy.missing", "not active");
    if (zone) zone.status = "active";
    cloudflare.addZone(GATEWAY, { account: "f".repeat(32) });
    await refused(2, "deploy.missing", "in one account");
    await refused(
      2,
      "deploy.missing",
      "not in 1234",
      "--gateway",
      "gateway.edge.example.com",
      "--account",
      "1234",
    );
  });

  test("a hostname that is in use, which wrangler would take over", async () => {
    cloudflare.domains.set(GATEWAY, "the-shop");
    await refused(2, "deploy.missing", 'Worker "the-shop" serves gateway.example.com');
    cloudflare.domains.clear();
    cloudflare.zones[0]?.dns.push({ name: API, type: "CNAME", content: "www.example.com" });
    await refused(2, "deploy.missing", "edge.example.com has a DNS record (CNAME www.example.com)");
  });

  test("a wrangler that is missing or too old", async () => {
    await refused(2, "deploy.missing", "cannot be run", "--wrangler", join(world.dir, "nothing"));
    await writeFile(join(world.dir, "wrangler-version"), "4.70.0");
    await refused(2, "deploy.missing", "this is 4.70.0");
  });

  test("impossible hostnames, and no hostname", async () => {
    await refused(2, "request.invalid", "two hostnames", "--gateway", API);
    const none = await world.run("edge", "deploy", "--state", state);
    expect([none.exit, none.err]).toEqual([2, expect.stringContaining("--api HOSTNAME")]);
  });
});

test("a deployment does not move to other hostnames, nor start from the directory of a running edge", async () => {
  await deploy();
  for (const hostname of [API, GATEWAY]) cloudflare.domains.set(hostname, "fairlead");
  const moved = await deploy("--api", "new.example.com");
  expect([moved.exit, moved.err]).toEqual([2, expect.stringContaining("Sites reach this deployment at")]);
  state = join(world.dir, "running");
  await mkdir(state);
  await writeFile(join(state, "edge.json"), "{}");
  const running = await deploy();
  expect([running.exit, running.err]).toEqual([2, expect.stringContaining("edge start")]);
  expect(await uploads()).toHaveLength(1);
});
