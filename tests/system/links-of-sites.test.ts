/** Links that sites create with tokens: several of a site, in both directions, revoked, deleted and renamed. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
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
/** Token file of public1 for two sites. */
let token1: string;
/** Token file of public2 for one site. */
let token2: string;

/** Runs a command with the admin key, in the network. */
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

describe("A site created by name", () => {
  it("is a member without links, and sees no service of other sites", async () => {
    expect((await public1.fairlead("link", "status")).stdout).toBe(
      "There are no links configured or connected.",
    );
    const { stdout } = await public1.fairlead("status");
    expect(stdout).toContain('Site "public1" is joined to network');
    expect(stdout).toContain("It is not connected to any other site. It sees 1 service, its own.");
  });
});

describe("A token that a site issues", () => {
  it("links the joiner to the issuer, and both sites reach each other", async () => {
    const created = await public2.fairlead("link", "create", token1);
    expect(created.stdout).toBe(
      `Site configured to link to public1 through ${suite.edge.apiUrl} (name=link1).\n` +
        "Check the status of the link using `fairlead link status`.",
    );
    expect((await public2.fairlead("link", "status", "--wait", "120")).stdout).toMatch(
      /^Links created from this site:\n {2}Link link1 to public1 is connected, cost 1, since .*$/,
    );
    expect((await exchange(await public2.listener("one"), "over link1")).toString()).toBe("over link1");
    expect((await exchange(await public1.listener("two"), "the other way")).toString()).toBe("the other way");
    await eventually("public1 shows the incoming link", async () =>
      (await public1.fairlead("link", "status")).stdout.includes(
        "A link from site public2 (link1) is connected to this site",
      ),
    );
  });

  it("is refused with link.exists at a linked site and with link.self at its issuer", async () => {
    const again = await made("token", "create", "--issuer", "public1");
    const refused = await public2.fairlead("link", "create", again, "--json");
    expect([refused.status, refused.json]).toEqual([
      5,
      { error: expect.objectContaining({ code: "link.exists" }) },
    ]);
    const own = await public1.fairlead("link", "create", again, "--json");
    expect(own.json).toMatchObject({ error: { code: "link.self" } });
  });

  it("makes one link for each given token, and no further link at the next start", async () => {
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

  it("is logged with token.used_up when it has no use left, and the site runs", async () => {
    await private1.restart({ args: ["--drain", "0s", "--token", await spent()] });
    await private1.logged({ code: "token.used_up" });
    await up(private1, 2);
  });

  it("is refused with token.wrong_network when it is of another network", async () => {
    const other = await suite.cluster.network(suite.edge);
    const refused = await private1.fairlead("link", "create", await other.token(), "--json");
    expect([refused.status, refused.json]).toEqual([
      5,
      { error: expect.objectContaining({ code: "token.wrong_network" }) },
    ]);
  });
});

/** Creates a token and uses it up. */
async function spent(): Promise<string> {
  const token = await made("token", "create");
  const site = await suite.cluster.connector({ site: suite.cluster.fresh("x").replace(/.*\//, ""), token });
  await site.stop();
  return token;
}

describe("A service exported to one site", () => {
  it("is visible to that site only", async () => {
    const server = await serve(echo);
    const exposed = await public1.fairlead("expose", `scoped=${server.at}`, "--to", "public2");
    expect(exposed.stdout).toContain("to public2 only");
    expect((await exchange(await public2.listener("scoped"), "for me")).toString()).toBe("for me");
    expect((await private1.control.services()).services.map(({ name }) => name)).not.toContain("scoped");
    expect((await public1.fairlead("service", "status")).stdout).toMatch(/scoped .*public2/);
  });

  it("resets the streams of a site that loses it, and of no other site", async () => {
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
    // The listener comes back by itself once the scope is wide again.
    await public1.fairlead("expose", `narrow=${server.at}`);
    expect((await exchange(await private1.listener("narrow"), "back")).toString()).toBe("back");
  });
});

describe("A revoked link", () => {
  it("is shown with the command that helps, keeps other links, and is replaced by a new token", async () => {
    const kept = await dial(await private1.listener("two"));
    kept.write("before");
    await once(kept, "data");
    await admin("revoke-access", "--issuer", "public1", "--yes");
    await eventually("public2's link is revoked", async () =>
      (await linksOf(public2)).links.some(({ code }) => code === "link.revoked"),
    );
    const { stdout } = await public2.fairlead("link", "status");
    expect(stdout).toContain("Link link1 to public1 is not connected (link.revoked)");
    expect(stdout).toContain("fairlead link create");
    await eventually("private1 shows its revoked link", async () =>
      (await linksOf(private1)).links.some(({ code }) => code === "link.revoked"),
    );
    expect((await linksOf(private1)).links.map(({ name, state }) => [name, state])).toEqual([
      ["link1", "down"],
      ["link2", "up"],
    ]);
    await public2.without("one");
    kept.write("after");
    expect(String((await once(kept, "data"))[0])).toBe("after");
    kept.destroy();
    // The link stays revoked after a restart, and the other link comes up.
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

describe("A deleted link", () => {
  it("disappears at its site, and stays away after a restart", async () => {
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
    // The path leads over public2, which has a link to public1.
    expect((await exchange(await private1.listener("one"), "indirectly")).toString()).toBe("indirectly");
  });

  it("disappears at its site when the operator deletes it", async () => {
    await admin("link", "delete", "link2", "--site", "private1", "--yes");
    await eventually("the link is gone", async () => (await linksOf(private1)).links.length === 0);
    await private1.without("two");
    await eventually("the link is removed from links.json", async () => {
      const { links } = JSON.parse(await readFile(join(private1.stateDir, "links.json"), "utf8"));
      return links.length === 0;
    });
  });

  it("can be created again with another name and cost", async () => {
    const token = await made("token", "create", "--issuer", "public2");
    const options = ["--name", "backup", "--cost", "10", "--json"];
    const created = await private1.fairlead("link", "create", token, ...options);
    expect(created.json).toMatchObject({ name: "backup", issuer: "public2" });
    await up(private1, 1);
    expect((await linksOf(private1)).links).toMatchObject([{ name: "backup", cost: 10 }]);
  });
});

describe("A renamed site", () => {
  it("learns its new name, and still starts under the old one", async () => {
    await admin("site", "update", "private1", "--name", "hidden1");
    await private1.restart();
    await eventually(
      "the site knows its new name",
      async () => (await private1.status()).site.name === "hidden1",
    );
    await private1.restart();
    await private1.logged({ given: "private1", site: "hidden1" });
    await up(private1, 1);
  });
});

describe("The list of services that a site may offer", () => {
  it("refuses an offer outside it with service.forbidden, and status shows what to do", async () => {
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

  it("resets open streams of services outside it at once, and keeps other streams", async () => {
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
    if (!tapped || !two) throw new Error("The clients are not open.");
    const ended = once(tapped, "error");
    await admin("site", "update", "public2", "--may-offer", "tw*");
    expect(await ended).toMatchObject([{ code: "ECONNRESET" }]);
    await public2.logged({ code: "service.forbidden", streams: 1 });
    two.write("still");
    expect(String(await once(two, "data"))).toBe("still");
    two.destroy();
    await public1.without("tapped");
    await admin("site", "update", "public2", "--may-offer-any");
    expect((await exchange(await public1.listener("tapped"), "again")).toString()).toBe("again");
  });
});
