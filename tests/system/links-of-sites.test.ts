/** Links as sites make them: with tokens, several to a site, in both directions, narrowed, deleted, renamed. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Links } from "../../connector/control/schema.ts";
import { listEvents } from "../../connector/operator/edge-api.ts";
import { type Connector, eventually, type Outcome, type TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { dial, echo, exchange, serve } from "../support/traffic/servers.ts";

const suite = useEdge();
let network: TestNetwork;
let public1: Connector;
let public2: Connector;
let private1: Connector;
/** Token files of public1, for two sites, and of public2, for one. */
let token1: string;
let token2: string;

/** Runs a command as the edge's admin, in the network. */
async function admin(...args: string[]): Promise<Outcome> {
  const outcome = await suite.edge.fairlead(...args, "--network", network.name);
  expect(outcome.status, outcome.stderr).toBe(0);
  return outcome;
}

async function made(...args: string[]): Promise<string> {
  const path = `${suite.cluster.fresh("token")}.yaml`;
  await admin(...args, "-o", path);
  return path;
}

async function member(site: string, bind: string, more: { token?: string[]; expose?: string[] } = {}) {
  const own = await made("site", "create", site);
  const { expose = [], token = [] } = more;
  return await suite.cluster.connector({
    site,
    bind,
    expose,
    token: [own, ...token],
    args: ["--drain", "0s"],
  });
}

const linksOf = async (site: Connector): Promise<Links> => await site.control.links();
const up = (site: Connector, count: number) =>
  eventually(`${site.site} has ${count} links up`, async () => {
    const { links } = await linksOf(site);
    return links.length === count && links.every(({ state }) => state === "up");
  });

beforeAll(async () => {
  network = await suite.cluster.network(suite.edge);
  const server = await serve(echo);
  [public1, public2] = await Promise.all([
    member("public1", "127.21.0.0/16", { expose: [`one=${server.at}`] }),
    member("public2", "127.22.0.0/16", { expose: [`two=${server.at}`] }),
  ]);
  token1 = await made("token", "create", "--issuer", "public1", "--uses", "2");
  token2 = await made("token", "create", "--issuer", "public2");
});

describe("a site that was made by name", () => {
  test("is a member without links, and sees nothing of the others", async () => {
    expect((await public1.fairlead("link", "status")).stdout).toBe(
      "There are no links configured or connected.",
    );
    const { stdout } = await public1.fairlead("status");
    expect(stdout).toContain('Site "public1" is joined to network');
    expect(stdout).toContain("It sees 0 services.");
  });
});

describe("a token of another site", () => {
  test("links this one to it, and both see each other at once", async () => {
    const created = await public2.fairlead("link", "create", token1);
    expect(created.stdout).toBe(
      `Site configured to link to public1 through ${suite.edge.apiUrl} (name=link1).\n` +
        "Check the status of the link using `fairlead link status`.",
    );
    expect((await public2.fairlead("link", "status", "--wait", "20")).stdout).toMatch(
      /^Links created from this site:\n {2}Link link1 to public1 is connected, cost 1, since .*$/,
    );
    expect((await exchange(await public2.listener("one"), "over link1")).toString()).toBe("over link1");
    expect((await exchange(await public1.listener("two"), "the other way")).toString()).toBe("the other way");
    await eventually("public1 sees who is linked to it", async () =>
      (await public1.fairlead("link", "status")).stdout.includes(
        "A link from site public2 (link1) is connected to this site",
      ),
    );
  });

  test("is refused a second time, uses nothing up, and says what to do", async () => {
    const again = await made("token", "create", "--issuer", "public1");
    const refused = await public2.fairlead("link", "create", again, "--json");
    expect([refused.status, refused.json]).toEqual([
      5,
      { error: expect.objectContaining({ code: "link.exists" }) },
    ]);
    const own = await public1.fairlead("link", "create", again, "--json");
    expect(own.json).toMatchObject({ error: { code: "link.self" } });
  });

  test("of which several are given makes as many links, and none of them again at the next start", async () => {
    private1 = await member("private1", "127.23.0.0/16", { token: [token1, token2] });
    await up(private1, 2);
    expect((await linksOf(private1)).links.map(({ name, issuer }) => [name, issuer])).toEqual([
      ["link1", "public1"],
      ["link2", "public2"],
    ]);
    const redeemed = async () =>
      (await listEvents(suite.edge.client, network.id, { type: "token.redeemed" })).length;
    const before = await redeemed();
    await private1.restart({ args: ["--drain", "0s", "--token", token1, "--token", token2] });
    await up(private1, 2);
    expect(await redeemed()).toBe(before);
    expect(private1.log().filter(({ code }) => String(code).startsWith("token."))).toEqual([]);
  });

  test("that is used up is logged with its code, and keeps no site from running", async () => {
    await private1.restart({ args: ["--drain", "0s", "--token", await spent()] });
    await private1.logged({ code: "token.used_up" });
    await up(private1, 2);
  });

  test("of another network is refused before anybody is asked", async () => {
    const other = await suite.cluster.network(suite.edge);
    const refused = await private1.fairlead("link", "create", await other.token(), "--json");
    expect([refused.status, refused.json]).toEqual([
      5,
      { error: expect.objectContaining({ code: "token.wrong_network" }) },
    ]);
  });
});

/** A token whose only use is gone. */
async function spent(): Promise<string> {
  const token = await made("token", "create");
  const site = await suite.cluster.connector({ site: suite.cluster.fresh("x").replace(/.*\//, ""), token });
  await site.stop();
  return token;
}

describe("a service for some sites only", () => {
  test("is neither seen nor opened by others, and the owner's connector refuses it, too", async () => {
    const server = await serve(echo);
    const exposed = await public1.fairlead("expose", `scoped=${server.at}`, "--to", "public2");
    expect(exposed.stdout).toContain("to public2 only");
    expect((await exchange(await public2.listener("scoped"), "for me")).toString()).toBe("for me");
    expect((await private1.control.services()).services.map(({ name }) => name)).not.toContain("scoped");
    expect((await public1.fairlead("service", "status")).stdout).toMatch(/scoped .*public2/);
  });

  test("loses the streams of those that it is for no more, and no others", async () => {
    const server = await serve(echo);
    await public1.fairlead("expose", `narrow=${server.at}`);
    const place2 = await public2.listener("narrow");
    const stay = await dial(place2);
    const leave = await dial(await private1.listener("narrow"));
    for (const socket of [stay, leave]) {
      socket.write("hello");
      await once(socket, "data");
    }
    const gone = new Promise<string>((resolve) => {
      leave.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
    });
    await public1.fairlead("expose", `narrow=${server.at}`, "--to", "public2");
    expect(await gone).toBe("ECONNRESET");
    await private1.without("narrow");
    stay.end("still here");
    expect(String((await once(stay, "data"))[0])).toBe("still here");
    // Wider again: the listener comes back by itself.
    await public1.fairlead("expose", `narrow=${server.at}`);
    expect((await exchange(await private1.listener("narrow"), "back")).toString()).toBe("back");
  });
});

describe("a link that is revoked", () => {
  test("is shown with what to do, others stay, and a new token links again without any cleaning up", async () => {
    const kept = await dial(await private1.listener("two"));
    kept.write("before");
    await once(kept, "data");
    await admin("revoke-access", "--issuer", "public1");
    await eventually("public2's link is revoked", async () =>
      (await linksOf(public2)).links.some(({ code }) => code === "link.revoked"),
    );
    const { stdout } = await public2.fairlead("link", "status");
    expect(stdout).toContain("Link link1 to public1 is not connected (link.revoked)");
    expect(stdout).toContain("fairlead link create");
    expect((await linksOf(private1)).links.map(({ name, state }) => [name, state])).toEqual([
      ["link1", "down"],
      ["link2", "up"],
    ]);
    await public2.without("one");
    kept.write("after");
    expect(String((await once(kept, "data"))[0])).toBe("after");
    kept.destroy();
    // What was revoked stays so, whatever is presented after a restart, and harms no other link.
    await private1.restart();
    await eventually("private1 is back", async () =>
      (await linksOf(private1)).links.some(({ state }) => state === "up"),
    );
    expect((await linksOf(private1)).links.map(({ name, code }) => [name, code])).toEqual([
      ["link1", "link.revoked"],
      ["link2", undefined],
    ]);
    const waited = await public2.fairlead("link", "status", "--wait", "30", "--json");
    expect(waited.json).toMatchObject({ error: { code: "link.revoked" } });

    const old = await public2.fairlead("link", "create", token1, "--json");
    expect(old.status).not.toBe(0);
    const token = await made("token", "create", "--issuer", "public1");
    expect((await public2.fairlead("link", "create", token)).stdout).toContain("(name=link1)");
    await up(public2, 1);
    expect((await exchange(await public2.listener("one"), "again")).toString()).toBe("again");
    const { links } = JSON.parse(await readFile(join(public2.stateDir, "links.json"), "utf8"));
    expect(links.map(({ name }: { name: string }) => name)).toEqual(["link1"]);
  });
});

describe("a link that is deleted", () => {
  test("is gone with what only it connected, and stays gone", async () => {
    const { stdout } = await private1.fairlead("link", "delete", "link1");
    expect(stdout).toBe("Link link1 deleted.");
    expect((await linksOf(private1)).links.map(({ name }) => name)).toEqual(["link2"]);
    const unknown = await private1.fairlead("link", "delete", "link1", "--json");
    expect([unknown.status, unknown.json]).toEqual([
      4,
      { error: expect.objectContaining({ code: "link.unknown" }) },
    ]);
    await private1.restart();
    await up(private1, 1);
    // By way of public2, which links to public1.
    expect((await exchange(await private1.listener("one"), "indirectly")).toString()).toBe("indirectly");
  });

  test("by an operator, from outside", async () => {
    await admin("link", "delete", "link2", "--site", "private1");
    await eventually("it is gone", async () => (await linksOf(private1)).links.length === 0);
    await private1.without("two");
    await eventually("it is forgotten", async () => {
      const { links } = JSON.parse(await readFile(join(private1.stateDir, "links.json"), "utf8"));
      return links.length === 0;
    });
  });

  test("can be made again under a name and at a cost of one's own, from standard input", async () => {
    const token = await made("token", "create", "--issuer", "public2");
    const options = ["--name", "backup", "--cost", "10", "--json"];
    const created = await private1.fairlead("link", "create", token, ...options);
    expect(created.json).toMatchObject({ name: "backup", issuer: "public2" });
    await up(private1, 1);
    expect((await linksOf(private1)).links).toMatchObject([{ name: "backup", cost: 10 }]);
  });
});

describe("a site that is renamed", () => {
  test("learns it, and starts under its old name as well", async () => {
    await admin("site", "update", "private1", "--name", "hidden1");
    await private1.restart();
    await eventually("it knows its name", async () => (await private1.status()).site.name === "hidden1");
    await private1.restart();
    await private1.logged({ given: "private1", site: "hidden1" });
    await up(private1, 1);
  });
});

describe("what a site may offer", () => {
  test("is narrowed by an operator: an offer outside is shown as refused, with what to do", async () => {
    const server = await serve(echo);
    await admin("site", "update", "public2", "--may-offer", "t*");
    await public2.fairlead("expose", `forbidden=${server.at}`);
    await eventually("the refusal", async () =>
      (await public2.control.services()).offers.some(({ refused }) => refused?.code === "service.forbidden"),
    );
    await public2.logged({ service: "forbidden", code: "service.forbidden" });
    const { stdout } = await public2.fairlead("service", "status");
    expect(stdout).toContain("The network refused the offer of forbidden");
    expect(stdout).toContain("--may-offer");
    expect((await public1.control.services()).services.map(({ name }) => name)).not.toContain("forbidden");
    expect((await exchange(await public1.listener("two"), "allowed")).toString()).toBe("allowed");
  });

  test("and what was open to a service outside is reset at once, while the rest goes on", async () => {
    const server = await serve(echo);
    await public2.fairlead("expose", `tapped=${server.at}`);
    const [tapped, two] = await Promise.all(
      ["tapped", "two"].map(async (service) => {
        const client = await dial(await public1.listener(service));
        client.write("open");
        await once(client, "data");
        return client;
      }),
    );
    if (!tapped || !two) throw new Error("nothing is open");
    const ended = once(tapped, "error");
    await admin("site", "update", "public2", "--may-offer", "tw*");
    expect(await ended).toMatchObject([{ code: "ECONNRESET" }]);
    await public2.logged({ code: "service.forbidden", streams: 1 });
    two.write("still");
    expect(String(await once(two, "data"))).toBe("still");
    two.destroy();
    await admin("site", "update", "public2", "--may-offer-any");
    expect((await exchange(await public1.listener("tapped"), "again")).toString()).toBe("again");
  });
});
