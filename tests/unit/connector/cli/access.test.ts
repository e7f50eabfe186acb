/** Access as the commands give and take it: sites, tokens by issuers, revoke-access, quotas, keys, identity tokens. */
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EdgeClient } from "../../../../connector/net/edge-client.ts";
import { deleteLink } from "../../../../connector/operator/edge-api.ts";
import { DEFAULT_QUOTAS } from "../../../../protocol/api/quotas.ts";
import { formatClaim } from "../../../../protocol/tokens.ts";
import { FakeEdge, id, KEY } from "../../../support/edge/fake-edge.ts";
import { makeWorld, useEdge, type World } from "../../../support/process/cli-world.ts";

let edge: FakeEdge;
let world: World;

beforeAll(async () => {
  edge = await FakeEdge.start();
});
afterAll(() => edge.stop());
beforeEach(async () => {
  world = await makeWorld();
  await useEdge(world, edge);
  edge.addNetwork("shop");
});
afterEach(async () => {
  await world.remove();
  edge.clear();
});

describe("site create", () => {
  test("prints the token of one site alone on stdout without -o", async () => {
    const { exit, out } = await world.run("site", "create", "public1", "--expiry", "2h");
    expect([exit, out]).toEqual([0, `apiVersion: fairlead/v1\nkind: Token\n# ${edge.tokens[0]?.id}\n`]);
    expect(edge.tokens[0]).toMatchObject({ site: "public1", uses: 1, expiresAt: "2026-11-20T12:00:00.000Z" });
    expect(edge.sites[0]).toMatchObject({ name: "public1", state: "new", mayOffer: null });
    expect((await world.run("site", "list")).out).toMatch(/public1 +new/);
    expect((await world.run("site", "status", "public1")).out).toContain("fairlead site create public1");
  });

  test("writes the token of a site for its owner only with -o, and says how to join", async () => {
    const file = join(world.dir, "public1.yaml");
    const { out } = await world.run(
      "site",
      "create",
      "public1",
      "--may-offer",
      "api",
      "--may-offer",
      "web-*",
      "-o",
      file,
    );
    expect(out).toContain(`fairlead connector run --site public1 --token ${file}`);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(edge.sites[0]?.mayOffer).toEqual(["api", "web-*"]);
    const again = await world.json("site", "create", "public1", "-o", file);
    expect(again).toMatchObject({ site: { name: "public1" }, token: { path: file } });
    expect(JSON.stringify(again)).not.toContain("apiVersion");
    expect(edge.tokens.map(({ state }) => state)).toEqual(["revoked", "good"]);
  });

  test("ends with exit code 5 for the name of a member, and leaves no file", async () => {
    edge.addSite("west");
    const file = join(world.dir, "west.yaml");
    const ran = await world.run("site", "create", "west", "-o", file);
    expect([ran.exit, ran.err]).toEqual([5, expect.stringContaining("code: site.name_taken")]);
    await expect(stat(file)).rejects.toThrow();
  });
});

describe("site update", () => {
  test("renames a site, and says so when the name is taken", async () => {
    edge.addSite("west");
    edge.addSite("east");
    expect((await world.run("site", "update", "west", "--name", "oldest")).out).toContain('"oldest"');
    const ran = await world.run("site", "update", "oldest", "--name", "east");
    expect([ran.exit, ran.err]).toEqual([5, expect.stringContaining("code: site.name_taken")]);
    expect(edge.sites.map(({ name }) => name)).toEqual(["oldest", "east"]);
  });

  test("sets the services that a site may offer: some, none, any", async () => {
    const site = edge.addSite("west");
    const update = (...words: string[]) => world.run("site", "update", "west", ...words);
    expect((await update("--may-offer", "api", "--may-offer", "web-*")).out).toContain(
      "may offer api, web-*.",
    );
    expect(site.mayOffer).toEqual(["api", "web-*"]);
    expect((await world.run("site", "status", "west")).out).toMatch(/may offer +api, web-\*/);
    expect((await update("--may-offer-none")).out).toContain("may offer nothing.");
    expect(site.mayOffer).toEqual([]);
    expect((await update("--may-offer-any")).out).toContain("may offer any service.");
    expect(site.mayOffer).toBeNull();
    expect(site.name).toBe("west");
  });

  test("refuses to change nothing, or the same in two ways, without a request to the edge", async () => {
    for (const words of [
      [],
      ["--may-offer", "api", "--may-offer-any"],
      ["--may-offer-none", "--may-offer-any"],
    ]) {
      expect((await world.run("site", "update", "west", ...words)).exit).toBe(2);
    }
    expect(edge.log).toEqual([]);
  });
});

describe("tokens", () => {
  test("can be issued by a site; list shows issuer, remaining uses and expiry", async () => {
    edge.addSite("public1");
    await world.run("token", "create", "--issuer", "public1", "--uses", "3");
    Object.assign(edge.tokens[0] ?? {}, { used: 1 });
    await world.run("site", "create", "west");
    const { out } = await world.run("token", "list");
    expect(out).toMatch(/^ID +ISSUER +ONLY FOR +STATE +LEFT +ENDS$/m);
    expect(out).toMatch(/public1 +good +2 of 3 +in 10m/);
    expect(out).toMatch(/network +west +good +1 of 1 +in 10m/);
    Object.assign(edge.tokens[0] ?? {}, { state: "expired" });
    expect((await world.run("token", "list")).out).toMatch(/public1 +expired +0 of 3/);
  });

  test("refuses an issuer that does not exist", async () => {
    const ran = await world.run("token", "create", "--issuer", "nobody");
    expect([ran.exit, ran.err]).toEqual([4, expect.stringContaining("code: site.unknown")]);
  });
});

describe("revoke-access", () => {
  beforeEach(async () => {
    edge.addSite("public1");
    edge.addLink({ name: "link1", joiner: "west", issuer: "public1" });
    edge.addLink({ name: "link1", joiner: "east", issuer: "network" });
    await world.run("token", "create", "--issuer", "public1");
    await world.run("token", "create");
  });

  test("prints what ended with the issuer's access", async () => {
    const { out } = await world.run("revoke-access", "--issuer", "public1", "--yes");
    expect(out).toContain("Access given by public1 is revoked");
    expect(out).toContain("1 token, 1 link and 1 session ended.");
    expect(out).toContain(edge.tokens[0]?.id);
    expect(out).toMatch(/link1 +west +public1/);
    expect(out).not.toContain("east");
    expect(edge.tokens.map(({ state }) => state)).toEqual(["revoked", "good"]);
  });

  test("changes nothing without an issuer, and names the choices", async () => {
    for (const words of [[], ["--yes"]]) {
      const { exit, err } = await world.run("revoke-access", ...words);
      expect(exit).toBe(2);
      expect(err).toContain("--issuer SITE, --issuer network for the network itself, or --all.");
    }
    expect(edge.tokens.map(({ state }) => state)).toEqual(["good", "good"]);
  });

  test("names the tokens, links and sites that it would cut without --yes, and changes nothing", async () => {
    edge.addSite("west");
    const { exit, err } = await world.run("revoke-access", "--issuer", "public1");
    expect(exit).toBe(2);
    expect(err).toContain("Revoke the access given by site public1: not confirmed.");
    expect(err).toContain("1 token can no longer be used.");
    expect(err).toContain("1 link and the sessions over them end: link1 from west to public1.");
    expect(err).toContain("Sites public1, west will reach no other site.");
    expect(edge.tokens.map(({ state }) => state)).toEqual(["good", "good"]);
  });

  test("revokes the access of the network with --issuer network, and of every issuer with --all", async () => {
    expect(await world.json("revoke-access", "--issuer", "network", "--yes")).toMatchObject({
      issuers: ["network"],
      tokens: [edge.tokens[1]?.id],
    });
    expect(await world.json("revoke-access", "--all", "--yes")).toMatchObject({
      issuers: ["network", "public1"],
      tokens: [edge.tokens[0]?.id],
      links: [{ joiner: "west" }, { joiner: "east" }],
    });
  });

  test("refuses --issuer with --all, and an issuer that does not exist", async () => {
    expect((await world.run("revoke-access", "--issuer", "public1", "--all")).exit).toBe(2);
    expect((await world.run("revoke-access", "--issuer", "nobody")).exit).toBe(4);
    expect(edge.tokens.map(({ state }) => state)).toEqual(["good", "good"]);
  });
});

test("a link is deleted by its id", async () => {
  const link = edge.addLink({ name: "link1", joiner: "west", issuer: "network" });
  const client = new EdgeClient({ url: edge.url, key: KEY, ca: edge.tls.ca });
  expect(await deleteLink(client, "shop", link.id)).toEqual(link);
  expect(edge.links).toEqual([]);
  await expect(deleteLink(client, "shop", link.id)).rejects.toMatchObject({ code: "link.unknown" });
  await client.close();
});

describe("network quota", () => {
  test("shows quotas and their use, and sets the given quotas", async () => {
    edge.addSite("west");
    expect((await world.run("network", "quota", "shop")).out).toMatch(/^sites +1 +1000 /m);
    const { out } = await world.run("network", "quota", "shop", "--sites", "1", "--events", "500");
    expect(out).toMatch(/^sites +1 +1 /m);
    expect(edge.quotas).toEqual({ ...DEFAULT_QUOTAS, sites: 1, events: 500 });
    expect(await world.json("network", "quota", "shop")).toEqual({
      limits: edge.quotas,
      used: { sites: 1, services: 0, tokens: 0, sessions: 0, events: 0, uplinks: 0 },
    });
  });
});

test("key list shows when each key was last used", async () => {
  await world.run("key", "create", "ci", "--role", "viewer");
  await world.run("key", "create", "old", "--role", "viewer");
  Object.assign(edge.keys[0] ?? {}, { lastUsedAt: "2026-11-20T10:02:00.000Z" });
  const { out } = await world.run("key", "list");
  expect(out).toMatch(/^ci +viewer +all +5m ago +3m ago /m);
  expect(out).toMatch(/^old +viewer +all +5m ago +never /m);
});

describe("login with an identity token", () => {
  const token = (name: string) =>
    `${Buffer.from('{"alg":"ES256"}').toString("base64url")}.${name}.c2lnbmF0dXJl`;
  const stored = async () => JSON.parse(await readFile(join(world.dir, "login.json"), "utf8"));
  /** The login file alone. */
  function leave(): string {
    const ca = world.env.FAIRLEAD_CA ?? "";
    for (const name of ["FAIRLEAD_URL", "FAIRLEAD_KEY", "FAIRLEAD_CA"]) delete world.env[name];
    return ca;
  }

  test("stores the path of a file with an identity token, so that a renewed token works at once", async () => {
    const ca = leave();
    const file = join(world.dir, "identity");
    await writeFile(file, `${token("first")}\n`);
    edge.bearer = token("first");
    expect((await world.run("login", edge.url, "--oidc", file, "--ca", ca)).exit).toBe(0);
    expect(await stored()).toEqual({ url: edge.url, oidc: file, ca: edge.tls.ca });
    edge.bearer = token("second");
    expect((await world.run("network", "list")).exit).toBe(3);
    await writeFile(file, token("second"));
    expect((await world.run("network", "list")).out).toContain("shop");
    await writeFile(file, "");
    const ran = await world.run("network", "list");
    expect([ran.exit, ran.err]).toEqual([2, expect.stringContaining("not an identity token")]);
  });

  test("stores an identity token from standard input itself", async () => {
    const ca = leave();
    edge.bearer = token("piped");
    world.input = `${token("piped")}\n`;
    expect((await world.run("login", edge.url, "--oidc", "-", "--ca", ca)).exit).toBe(0);
    expect(await stored()).toMatchObject({ key: token("piped") });
    expect((await world.run("network", "list")).exit).toBe(0);
  });

  test("takes an identity token from FAIRLEAD_OIDC without a login, after FAIRLEAD_KEY", async () => {
    const file = join(world.dir, "identity");
    await writeFile(file, token("env"));
    world.env.FAIRLEAD_OIDC = file;
    expect((await world.run("network", "list")).exit).toBe(0);
    delete world.env.FAIRLEAD_KEY;
    edge.bearer = token("env");
    expect((await world.run("network", "list")).exit).toBe(0);
  });

  test("refuses an expired token with an action, and stores nothing", async () => {
    const ca = leave();
    world.input = token("old");
    const error = { code: "oidc.expired", message: "The identity token has expired." };
    edge.override = () => ({ status: 401, text: JSON.stringify({ error, requestId: "r" }) });
    const ran = await world.run("login", edge.url, "--oidc", "-", "--ca", ca);
    expect([ran.exit, ran.err]).toEqual([
      3,
      expect.stringContaining("Log in again at your identity provider"),
    ]);
    await expect(stored()).rejects.toThrow();
  });

  test.each([
    ["an API key", KEY, "--key"],
    [
      "a token's claim",
      formatClaim(id("n", 1), id("t", 1), new Uint8Array(32)),
      "the claim of a token alone, and not",
    ],
    ["something else", "hello world", "not an identity token"],
    ["nothing", "", "not an identity token"],
  ])("refuses %s in its place without sending it", async (_, text, why) => {
    world.input = text;
    const ran = await world.run("login", edge.url, "--oidc", "-");
    expect([ran.exit, ran.err]).toEqual([2, expect.stringContaining(why)]);
    expect(edge.log).toEqual([]);
  });

  test("refuses a token's claim given as a key without sending it", async () => {
    const claim = formatClaim(id("n", 1), id("t", 1), new Uint8Array(32));
    const ran = await world.run("login", edge.url, "--key", claim);
    expect([ran.exit, ran.err]).toEqual([2, expect.stringContaining("the claim of a token alone, and not")]);
    expect((await world.run("login", edge.url, "--key", KEY, "--oidc", "-")).exit).toBe(2);
    expect(edge.log).toEqual([]);
  });
});

describe("events", () => {
  const up = (text: string, at: string) =>
    edge.addEvent({ type: "link.up", site: "west", text, actor: "edge" }, at);

  test("--since takes a duration or a time, --type a type or a group", async () => {
    up("old", "2026-11-20T08:00:00.000Z");
    up("new", "2026-11-20T10:00:00.000Z");
    expect((await world.run("events", "--since", "1h")).out).toMatch(/new/);
    expect((await world.run("events", "--since", "1h")).out).not.toMatch(/old/);
    expect(edge.log.at(-1)).toContain("since=2026-11-20T09%3A05%3A00.000Z");
    expect((await world.run("events", "--since", "2026-11-20T08:00:00+00:00")).out).toMatch(/old/);
    expect((await world.run("events", "--since", "2026-11-21")).out).toContain(
      "No events since 2026-11-21T00:00:00.000Z",
    );
    expect(await world.json("events", "--type", "link")).toHaveLength(2);
    expect(await world.json("events", "--type", "site")).toHaveLength(0);
  });

  test("--edge shows the events of the edge, and needs no network", async () => {
    edge.networks.length = 0;
    edge.edgeEvents.push({
      id: 1,
      at: "2026-11-20T10:00:00.000Z",
      type: "key.refused",
      text: "an unknown key",
      actor: "edge",
    });
    expect((await world.run("events", "--edge", "--type", "key")).out).toContain("an unknown key");
    expect((await world.run("events", "--edge", "--since", "1m")).out).toContain("at the edge.");
    expect((await world.run("events", "--edge", "--network", "shop")).exit).toBe(2);
  });

  test("--follow with --since shows nothing older, and polls less often while nothing happens", async () => {
    up("old", "2026-11-20T08:00:00.000Z");
    const looks: number[] = [];
    edge.override = ({ path }) => {
      if (!path.endsWith("/events")) return null;
      looks.push(performance.now());
      if (looks.length === 4) world.interrupt.abort();
      return null;
    };
    const { out } = await world.run("events", "--follow", "--since", "1h");
    expect(out).toBe("");
    const [, , third = 0, fourth = 0] = looks;
    // The first pause is one second. Looks may be late, and are never early.
    expect(fourth - third).toBeGreaterThan(2000);
  });
});
