import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FakeEdge } from "../../../support/edge/fake-edge.ts";
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

describe("site", () => {
  test("list shows states and services, or how to add a site", async () => {
    expect((await world.run("site", "list")).out).toContain("fairlead connector run --site NAME");
    edge.addSite("west");
    edge.addSite("east", "down");
    const { out } = await world.run("site", "list");
    expect(out).toMatch(/^NAME +STATE +SINCE +CONNECTORS +OFFERS\nwest +up +5m ago +1 +api\neast +down/);
    expect(await world.json("site", "list")).toEqual(edge.sites);
  });

  test("status shows connectors, and why a listener failed", async () => {
    const site = edge.addSite("west");
    site.listeners.push({
      service: "db",
      address: "127.0.0.1:5432",
      state: "failed",
      code: "listener.port_taken",
      message: "another program holds 127.0.0.1:5432",
    });
    const { out } = await world.run("site", "status", "west");
    expect(out).toContain('Site "west" of network "shop" is up.');
    expect(out).toContain("fairlead/0.1.0");
    expect(out).toContain("another program holds 127.0.0.1:5432");
  });

  test("revoke and delete end a site, and an unknown site ends with exit code 4", async () => {
    edge.addSite("west");
    expect((await world.run("site", "revoke", "west", "--yes")).out).toContain('Site "west" revoked.');
    expect(edge.sites[0]?.state).toBe("revoked");
    expect((await world.run("site", "delete", "west", "--yes")).exit).toBe(0);
    const ran = await world.run("site", "status", "west");
    expect(ran.exit).toBe(4);
    expect(ran.err).toContain("code: site.unknown");
  });
});

describe("revoke and delete of a site, without --yes", () => {
  beforeEach(() => {
    edge.addSite("west");
    edge.addSite("east").services.push("db");
    edge.addLink({ name: "link1", joiner: "west", issuer: "network" });
    edge.addLink({ name: "link1", joiner: "east", issuer: "network" });
  });

  test("are refused without a terminal and with --json, and say what would end", async () => {
    for (const verb of ["revoke", "delete"]) {
      const { exit, out, err } = await world.run("site", verb, "east");
      expect([exit, out]).toEqual([2, ""]);
      expect(err).toContain("code: request.unconfirmed");
      expect(err).toContain("No other site offers db.");
      expect(err).toContain("1 link and the sessions over them end: link1 from east to network.");
    }
    world.typed = "yes";
    expect((await world.run("site", "revoke", "east", "--json")).exit).toBe(2);
    expect(edge.sites.map(({ state }) => state)).toEqual(["up", "up"]);
  });

  test("ask on a terminal, and go on after yes alone", async () => {
    world.typed = "y";
    expect((await world.run("site", "revoke", "east")).exit).toBe(2);
    expect(edge.sites[1]?.state).toBe("up");
    world.typed = " Yes ";
    const { exit, err } = await world.run("site", "revoke", "east");
    expect([exit, edge.sites[1]?.state]).toEqual([0, "revoked"]);
    expect(err).toMatch(/Revoke site east\? Type yes to continue: $/);
  });

  test("end with exit code 4 for an unknown site, before they ask", async () => {
    world.typed = "yes";
    const { exit, err } = await world.run("site", "delete", "nowhere");
    expect(exit).toBe(4);
    expect(err).not.toContain("continue");
  });
});

describe("status of the network", () => {
  test("says when no site reaches another, and which sites reach none", async () => {
    for (const name of ["west", "east", "office"]) edge.addSite(name);
    const { out } = await world.run("status");
    expect(out).toContain("None of the 3 sites reaches another: no link connects them.");
    expect(out).toContain("`fairlead link create token.yaml` at the site");
    edge.addLink({ name: "link1", joiner: "west", issuer: "east" });
    expect((await world.run("status")).out).toContain("Site office reaches no other site");
    edge.addLink({ name: "link1", joiner: "office", issuer: "east" });
    expect((await world.run("status")).out).not.toContain("reach");
  });

  test("has one sentence, then the problems, then tables", async () => {
    edge.addSite("west");
    edge.addSite("east", "down");
    edge.addSite("gone", "revoked");
    edge.services.push({
      name: "api",
      protocol: "http",
      port: 9000,
      sites: [{ name: "east", state: "down" }],
    });
    edge.addLink({
      name: "east-network",
      joiner: "east",
      issuer: "network",
      state: "down",
      code: "uplink.lost",
    });
    const { out } = await world.run("status");
    expect(out).toMatch(/^Network "shop" has 2 sites, 1 of them up\. It has 1 service\.\n/);
    expect(out).toContain("broken: Site east is down, since 5m ago (uplink.lost).\n");
    expect(out).toContain("run at site east: `fairlead doctor`");
    expect(out).toMatch(/east-network +east +network +1 +down +5m ago +uplink\.lost/);
    expect(out).toMatch(/api +http +9000 +east \(down\)/);
    expect(await world.json("status")).toMatchObject({
      network: { name: "shop" },
      sites: edge.sites,
      summary:
        "1 of 2 sites is down since 10:00 UTC; 1 service is unavailable, 2 other things need attention.",
      findings: [{ code: "uplink.lost" }, { code: "service.unavailable" }, {}, {}, { code: "site.revoked" }],
      console: null,
    });
    expect((await world.run("link", "list")).out).toMatch(
      /east-network +east +network +1 +down +5m ago +uplink\.lost/,
    );
    expect((await world.run("service", "list")).out).toMatch(/api +http +9000 +east \(down\)/);
  });

  test("shows for an empty network how to invite a site, like its empty lists", async () => {
    expect((await world.run("status")).out).toContain("fairlead token create");
    expect((await world.run("service", "list")).out).toContain("fairlead expose");
    expect((await world.run("link", "list")).out).toContain("token");
  });
});

describe("a site that was stopped", () => {
  test("is shown as stopped, and its links are no trouble", async () => {
    Object.assign(edge.addSite("west", "down"), { stopped: true });
    edge.addSite("east");
    edge.addLink({ name: "l", joiner: "west", issuer: "east", state: "down", code: "site.stopped" });
    expect((await world.run("site", "list")).out).toMatch(/^west +stopped /m);
    expect((await world.run("site", "status", "west")).out).toContain("is stopped.");
    const { out } = await world.run("status", "--network", "shop");
    expect(out).toContain("2 sites, 1 of them up and 1 stopped.");
    expect(out).not.toContain("Link l");
  });
});

describe("events", () => {
  const event = (text: string) => ({ type: "site.up" as const, site: "west", text, actor: "edge" });

  test("shows the newest events in order of time, and can be filtered", async () => {
    edge.addEvent(event("west is up"));
    edge.addEvent({ type: "uplink.refused", text: "a refusal", code: "certificate.expired", actor: "edge" });
    const { out } = await world.run("events");
    expect(out).toBe(
      "2026-11-20T10:00:00Z  site.up              west is up  by edge\n" +
        "2026-11-20T10:00:00Z  uplink.refused       a refusal (certificate.expired)  by edge\n",
    );
    edge.addEvent({ ...event("west is up"), count: 12 });
    expect((await world.run("events", "--limit", "1")).out).toMatch(
      /^\S+ {2}site\.up +west is up ×12 {2}by edge\n$/,
    );
    expect(await world.json("events", "--type", "site.up")).toHaveLength(2);
    expect((await world.run("events", "--type", "site.down")).out).toContain("No events of that type");
  });

  test("--follow --json prints a line for each event, continues after an outage of the edge, and ends on Ctrl-C", async () => {
    edge.addEvent(event("one"));
    let looks = 0;
    edge.override = ({ path }) => {
      if (!path.endsWith("/events")) return null;
      looks += 1;
      if (looks === 2) return { status: 503, text: "" };
      if (looks === 3) edge.addEvent(event("two"));
      if (looks === 4) world.interrupt.abort();
      return null;
    };
    const { exit, out, err } = await world.run("events", "--follow", "--json");
    expect(exit).toBe(0);
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).text),
    ).toEqual(["one", "two"]);
    expect(err).toContain("Trying again");
  });
});

describe("check", () => {
  test("names the broken step of a path and what to do, with exit code 7, and says that a path works", async () => {
    edge.addSite("west").listeners.push({ service: "api", address: "127.0.0.1:9000", state: "listening" });
    edge.addSite("east");
    edge.services.push({ name: "api", protocol: "http", port: 9000, sites: [{ name: "east", state: "up" }] });
    const broken = await world.run("check", "api", "--from", "west");
    expect(broken.exit).toBe(7);
    expect(broken.out).toContain("is broken: No link leads from site west to east.\n");
    expect(broken.out).toContain("  ✓ Site west is connected to the edge\n");
    expect(broken.out).toContain("  ✗ Links connect site west with a site that offers api\n");
    expect(broken.out).toContain("    run: `fairlead token create -o token.yaml`\n");
    expect(broken.out).toContain("  - A target of api is up\n");
    edge.addLink({ name: "l", joiner: "west", issuer: "east" });
    const works = await world.run("check", "api");
    expect(works.exit).toBe(0);
    expect(works.out).toMatch(
      /^The path from site west to service api works: clients connect to 127\.0\.0\.1:9000\.\n/,
    );
    expect(await world.json("check", "api", "--from", "west")).toMatchObject({
      cause: null,
      ends: ["west", "east"],
    });
  });
});
