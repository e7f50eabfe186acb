/**
 * A network of three linked sites, as its operators run it with commands: tokens, links, link status, revocation and
 * events. FAIRLEAD_TRANSCRIPT=1 prints every command with its output.
 */
import { once } from "node:events";
import { get } from "node:http";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectorArgs } from "../support/connector/connector.ts";
import { type Connector, eventually, type Outcome } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { Transcript } from "../support/run/transcript.ts";
import { dial } from "../support/traffic/servers.ts";
import { ask, closeShop, serveHttp, serveStore } from "../support/traffic/shop.ts";

const suite = useEdge();
const BINDS = { public1: "127.51.0.0/16", public2: "127.52.0.0/16", private1: "127.53.0.0/16" } as const;
type SiteName = keyof typeof BINDS;
const NAMES = Object.keys(BINDS) as SiteName[];

let transcript: Transcript;
const sites = new Map<SiteName, Connector>();

beforeAll(() => {
  transcript = new Transcript(suite.cluster);
});
afterAll(() => {
  transcript.print();
  closeShop();
});

const file = (name: string) => suite.cluster.path(name);
const site = (name: SiteName): Connector => {
  const found = sites.get(name);
  if (found === undefined) throw new Error(`The site ${name} does not run yet.`);
  return found;
};

/** Runs a command as the operator. The command must succeed. */
async function operator(...args: string[]): Promise<string> {
  return succeeded(await transcript.run("operator", args, { ...suite.edge.env, FAIRLEAD_NETWORK: "shop" }));
}

/** Runs a command at a site. The command must succeed. */
async function at(name: SiteName, ...args: string[]): Promise<string> {
  return succeeded(await transcript.run(name, args, { FAIRLEAD_STATE: site(name).stateDir }));
}

/** Waits until a command at a site prints all of this: each site learns of a change by itself. Returns the output. */
async function shows(name: SiteName, command: string, ...expected: RegExp[]): Promise<string> {
  const args = command.split(" ");
  await eventually(`${command} at ${name} shows ${expected.join(", ")}`, async () => {
    const { stdout } = await site(name).fairlead(...args);
    return expected.every((each) => each.test(stdout));
  });
  return await at(name, ...args);
}

function succeeded({ status, stdout, stderr }: Outcome): string {
  expect(status, stderr).toBe(0);
  return stdout;
}

/** Requests a page of a web service as a client at a site. */
async function browse(name: SiteName, service: string): Promise<unknown> {
  const { host, port } = await site(name).listener(service);
  const [response] = await once(get({ host, port, path: "/items", agent: false }), "response");
  const body = await text(response);
  transcript.note(name, `curl http://${host}:${port}/items    # ${service}`, body);
  return JSON.parse(body);
}

/** The arguments for readable output. */
const plain = (args: readonly string[]) => args.filter((word) => word !== "--json");

async function store(name: SiteName): Promise<Socket> {
  return await dial(await site(name).listener("redis-cart"));
}

describe("Three sites created by name", () => {
  it("run connectors without links, and see no service", async () => {
    transcript.heading("A network, three sites without links, and their connectors");
    await operator("network", "create", "shop");
    for (const name of NAMES) await operator("site", "create", name, "-o", file(`${name}.yaml`));
    const starting = NAMES.map(async (name) => {
      const options = { site: name, bind: BINDS[name], token: file(`${name}.yaml`), stateDir: file(name) };
      transcript.note(name, `fairlead ${plain(connectorArgs(options, options.stateDir)).join(" ")} &`);
      sites.set(name, await suite.cluster.connector(options));
    });
    await Promise.all(starting);
    for (const name of NAMES) {
      const said = await at(name, "status");
      expect(said).toContain(
        `Site "${name}" is joined to network "shop". It is not connected to any other site. It sees no services.`,
      );
      expect(said).toContain("There are no links configured or connected.");
    }
    await at("public1", "expose", `productcatalogservice=${await serveHttp("productcatalogservice")}/http`);
    await at("public2", "expose", `redis-cart=${await serveStore()}`);
    await at("private1", "expose", `shippingservice=${await serveHttp("shippingservice")}/http`);
    expect((await site("public1").control.services()).services).toEqual([]);
  });
});

describe("fairlead token create --issuer", () => {
  it("issues a token of public1 for two sites, and a token of public2 for one", async () => {
    transcript.heading("Tokens");
    const uses2 = await operator(
      ...["token", "create", "--issuer", "public1", "--uses", "2", "-o", file("public1-token.yaml")],
    );
    expect(uses2).toContain("It admits 2 sites");
    await operator("token", "create", "--issuer", "public2", "-o", file("public2-token.yaml"));
  });
});

describe("fairlead link create", () => {
  it("links public2 to public1, and private1 to both", async () => {
    transcript.heading("Links");
    const made = await at("public2", "link", "create", file("public1-token.yaml"));
    expect(made).toContain("Site configured to link to public1");
    expect(made).toContain("(name=link1)");
    expect(await at("private1", "link", "create", file("public1-token.yaml"))).toContain("(name=link1)");
    expect(await at("private1", "link", "create", file("public2-token.yaml"))).toContain("(name=link2)");
  });

  it("refuses a third site with the token for two, with token.used_up", async () => {
    const stateDir = file("private2");
    const args = connectorArgs({ site: "private2", token: file("public1-token.yaml") }, stateDir);
    const refused = await transcript.run("private2", plain(args), {});
    expect(refused.status).toBe(4);
    expect(refused.stderr).toContain("token.used_up");
    const list = await operator("token", "list");
    expect(list).toMatch(/public1 +used up +0 of 2/);
  });
});

describe("fairlead link status", () => {
  it("shows outgoing and incoming links at each site", async () => {
    transcript.heading("Link status");
    const outgoing = await at("public2", "link", "status", "--wait", "120");
    expect(outgoing).toMatch(/Link link1 to public1 is connected, cost 1, since /);
    const both = await at("private1", "link", "status", "--wait", "120");
    expect(both).toMatch(/Link link1 to public1 is connected/);
    expect(both).toMatch(/Link link2 to public2 is connected/);
    expect(both).not.toContain("Links from other sites:");
    const incoming = await shows(
      ...(["public1", "link status"] as const),
      /A link from site public2 \(link1\) is connected to this site/,
      /A link from site private1 \(link1\) is connected to this site/,
    );
    expect(incoming).toContain("Links created from this site:\n  There are none.");
    await shows("public2", "link status", /A link from site private1 \(link2\) is connected/);
  });

  it("shows links over which every site reaches every other, also against their direction", async () => {
    for (const name of NAMES) {
      await shows(
        ...([name, "status"] as const),
        /It is connected to 2 other sites\. It sees 3 services, 1 of them its own\./,
      );
    }
    for (const name of ["public2", "private1"] as const) {
      const answer = { service: "productcatalogservice", path: "/items" };
      expect(await browse(name, "productcatalogservice")).toEqual(answer);
    }
    expect(await browse("public1", "shippingservice")).toMatchObject({ service: "shippingservice" });
    const cart = await store("public1");
    expect(await ask(cart, "SET cart:1 OLJCESPC7Z")).toBe("+OK");
    transcript.note("public1", "redis-cli SET cart:1 OLJCESPC7Z    # redis-cart", "OK");
    cart.destroy();
  });
});

describe("fairlead revoke-access", () => {
  let kept: Socket;
  let cut: Socket;

  it("cuts exactly the two links that public1 issued", async () => {
    transcript.heading("Revocation of the access that public1 gave");
    kept = await store("private1");
    expect(await ask(kept, "GET cart:1")).toBe("+OLJCESPC7Z");
    transcript.note("private1", "redis-cli    # a connection that stays open; GET cart:1", "OLJCESPC7Z");
    cut = await store("public1");
    expect(await ask(cut, "PING")).toBe("+PONG");
    const reset = once(cut, "error");
    await operator("token", "create", "--issuer", "public1", "-o", file("unused.yaml"));

    const said = await operator("revoke-access", "--issuer", "public1", "--yes");
    expect(said).toContain("Access given by public1 is revoked");
    expect(said).toContain("1 token, 2 links and 2 sessions ended.");
    expect(said).toMatch(/link1 +private1 +public1/);
    expect(said).toMatch(/link1 +public2 +public1/);
    expect(await reset).toMatchObject([{ code: "ECONNRESET" }]);
    transcript.note(
      "public1",
      "redis-cli    # a connection that was open before",
      "Connection reset by peer",
    );
  });

  it("leaves the status of link1 as revoked and of link2 as connected", async () => {
    await eventually("private1 shows the revoked link", async () =>
      (await site("private1").control.links()).links.some(({ code }) => code === "link.revoked"),
    );
    const said = await at("private1", "link", "status");
    expect(said).toContain("Link link1 to public1 is not connected (link.revoked)");
    expect(said).toMatch(/Link link2 to public2 is connected/);
    await shows(
      ...(["public2", "link status"] as const),
      /Link link1 to public1 is not connected \(link\.revoked\)/,
      /A link from site private1 \(link2\) is connected/,
    );
    await shows("public1", "status", /It is not connected to any other site\. It sees 1 service, its own\./);
    for (const name of ["public2", "private1"] as const) {
      await site(name).without("productcatalogservice");
      await shows(
        ...([name, "status"] as const),
        /It is connected to 1 other site\. It sees 2 services, 1 of them its own\./,
      );
    }
  });

  it("keeps the open connection between private1 and public2, and new connections work", async () => {
    expect(await ask(kept, "GET cart:1")).toBe("+OLJCESPC7Z");
    transcript.note("private1", "redis-cli    # the connection that stayed open; GET cart:1", "OLJCESPC7Z");
    expect(await browse("public2", "shippingservice")).toMatchObject({ service: "shippingservice" });
    const again = await store("private1");
    expect(await ask(again, "PING")).toBe("+PONG");
    for (const socket of [kept, again]) socket.destroy();
  });

  it("revokes unused tokens too, while a new token links again without cleaning up", async () => {
    const env = { FAIRLEAD_STATE: site("public2").stateDir };
    const old = await transcript.run("public2", ["link", "create", file("unused.yaml")], env);
    expect(old.status).toBe(4);
    expect(old.stderr).toContain("token.revoked");
    await operator(...["token", "create", "--issuer", "public1", "--uses", "2", "-o", file("again.yaml")]);
    for (const name of ["public2", "private1"] as const) {
      expect(await at(name, "link", "create", file("again.yaml"))).toContain("(name=link1)");
      const said = await at(name, "link", "status", "--wait", "120");
      expect(said).toMatch(/Link link1 to public1 is connected/);
      expect(said).not.toContain("link.revoked");
      expect(await browse(name, "productcatalogservice")).toMatchObject({ service: "productcatalogservice" });
    }
    expect(await browse("public1", "shippingservice")).toMatchObject({ service: "shippingservice" });
  });
});

describe("fairlead events", () => {
  it("lists every step with its actor", async () => {
    transcript.heading("Events");
    const said = await operator("events");
    const count = (pattern: RegExp) => said.split("\n").filter((line) => pattern.test(line)).length;
    expect(count(/site\.created/)).toBe(3);
    expect(count(/token\.created .* by admin/)).toBe(7);
    expect(count(/token\.refused .*token\.used_up/)).toBe(1);
    expect(count(/access\.revoked .*public1.* by admin/)).toBe(1);
    expect(count(/link\.down .*link1.*link\.revoked/)).toBe(2);
    expect(count(/link\.up .*link1/)).toBe(4);
    expect(count(/link\.up .*link2/)).toBe(1);
    expect(count(/token\.refused .*token\.revoked/)).toBe(1);
    expect(await operator("events", "--type", "link")).not.toContain("token.created");
  });
});
