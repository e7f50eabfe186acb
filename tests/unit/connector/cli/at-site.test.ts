/** The commands that talk to the connector on the same machine, over a real control socket. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { controlRoutes } from "../../../../connector/control/routes.ts";
import type { Links, Services, Status } from "../../../../connector/control/schema.ts";
import { serveControl } from "../../../../connector/control/server.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { makeWorld, type World } from "./cli.ts";
import { id } from "./fake-edge.ts";

let world: World;
let state: string;
let status: Status;
let close: () => Promise<void>;

beforeEach(async () => {
  world = await makeWorld();
  state = join(world.dir, "state", "fairlead", "sites", "west");
  await mkdir(state, { recursive: true });
  status = {
    site: { id: id("s", 1), name: "west" },
    network: { id: id("n", 1), name: "shop" },
    edge: "https://edge.example",
    boot: id("b", 1),
    software: "fairlead/0.1.0",
    uplink: { state: "up", since: "2026-11-20T10:00:00.000Z" },
    certificateExpiresAt: "2026-11-21T10:05:00.000Z",
    otherSites: 2,
    links: [{ id: id("l", 1), name: "west-network", issuer: "network", state: "up" }],
    services: [
      {
        name: "api",
        protocol: "http",
        port: 9000,
        sites: ["east"],
        listener: { address: "127.0.0.1:9000", state: "listening" },
      },
    ],
    offers: [],
    sessions: [],
  };
  const control = await serveControl(
    state,
    controlRoutes({
      status: async () => status,
      services: (): Services => status,
      links: (): Links => status,
      sessions: () => ({ sessions: [] }),
      expose: async (exposure) => {
        if (status.offers.some(({ name }) => name === exposure.name))
          throw new FairleadError("service.taken");
        status.offers.push(exposure);
      },
      unexpose: async (name) => {
        if (!status.offers.some((offer) => offer.name === name)) throw new FairleadError("service.unknown");
        status.offers = status.offers.filter((offer) => offer.name !== name);
      },
    }),
  );
  close = () => control.close();
});
afterEach(async () => {
  await close();
  await world.remove();
});

test("status says in one sentence how the site is", async () => {
  const { out } = await world.run("status", "--state", state);
  expect(out.split("\n")[0]).toBe(
    'Site "west" is joined to network "shop". It is connected to 2 other sites. It sees 1 service.',
  );
  expect(out).toMatch(/uplink +up, since 5m ago/);
  expect(out).toContain("Link west-network to network is connected");
  expect(out).toMatch(/api +127\.0\.0\.1:9000 +listening/);
  world.env.FAIRLEAD_STATE = state;
  expect(await world.json("status")).toEqual(status);
});

test("status says why the uplink is down, and what to do", async () => {
  status.otherSites = null;
  status.uplink = {
    state: "refused",
    since: "2026-11-20T10:04:00.000Z",
    code: "site.revoked",
    message: "The site was revoked.",
    action: "Join again.",
  };
  const { out } = await world.run("status", "--state", state);
  expect(out).toContain('joined to network "shop". It is not connected to the edge.');
  expect(out).toMatch(/why +The site was revoked\. \(site\.revoked\)\n +do +Join again\./);
});

test("expose and unexpose change what the site offers", async () => {
  const made = await world.run("expose", "db=[::1]:5432", "--state", state);
  expect(made.out).toBe('Service "db" is offered from [::1]:5432 (tcp).\n');
  expect(status.offers).toEqual([{ name: "db", host: "::1", port: 5432, protocol: "tcp" }]);
  expect((await world.run("expose", "db=1", "--state", state)).exit).toBe(5);
  expect((await world.run("service", "status", "--state", state)).out).toMatch(/db +\[::1\]:5432 +tcp/);
  expect((await world.run("unexpose", "db", "--state", state)).exit).toBe(0);
  expect((await world.run("unexpose", "db", "--state", state)).exit).toBe(4);
});

test("the only site of the machine needs no --state", async () => {
  world.env.XDG_STATE_HOME = join(world.dir, "state");
  expect((await world.run("link", "status")).out).toBe("Link west-network to network is connected\n");
  await mkdir(join(state, "..", "east"));
  const several = await world.run("link", "status");
  expect([several.exit, several.err]).toEqual([6, expect.stringContaining("(east, west)")]);
});

test("link status --wait waits, and gives up with the link's own code", async () => {
  const [link] = status.links;
  if (link === undefined) throw new Error("no link");
  link.state = "down";
  link.code = "uplink.lost";
  const soon = setTimeout(() => {
    link.state = "up";
  }, 100);
  expect((await world.run("link", "status", "--state", state, "--wait", "10s")).exit).toBe(0);
  clearTimeout(soon);
  link.state = "down";
  const ran = await world.run("link", "status", "--state", state);
  expect(ran).toMatchObject({
    exit: 0,
    out: "Link west-network to network is not connected (uplink.lost)\n",
  });
  let looks = 0;
  world.now = () => 500 * looks++;
  const late = await world.run("link", "status", "--state", state, "--wait", "1s");
  expect([late.exit, late.err]).toEqual([6, expect.stringContaining("code: uplink.lost")]);
});

test("a connector that does not run ends with exit code 6", async () => {
  const ran = await world.run("status", "--state", world.dir);
  expect([ran.exit, ran.err]).toEqual([6, expect.stringContaining("code: connector.unreachable")]);
  expect((await world.run("expose", "db=1")).exit).toBe(6);
});
