/** A whole connector at a scripted edge: what it tells the registry, and what it makes of what it is told. */

import { describe, expect, it, onTestFinished } from "vitest";
import type { WebSocket } from "ws";
import { mergeConfig } from "../../../../connector/config/connector-config.ts";
import { parseExpose, parseTo } from "../../../../connector/config/service-options.ts";
import { LeveledLog } from "../../../../connector/log.ts";
import { Connector } from "../../../../connector/runtime/connector.ts";
import { Site } from "../../../../connector/site/site.ts";
import { parseToken } from "../../../../connector/site/token.ts";
import type { StateDirectory } from "../../../../connector/state/directory.ts";
import { FairleadError, toErrorBody } from "../../../../protocol/errors.ts";
import type { Hello, LinkReport, Welcome } from "../../../../protocol/uplink/messages.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { TestDeployment } from "../../../support/authority/test-deployment.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { holdTime } from "../../../support/clock/held-time.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";
import { ScriptedEdge } from "../../../support/edge/scripted-edge.ts";
import { temporaryState } from "../../../support/process/directories.ts";

const code = (text: string) => expect.objectContaining({ code: text });

async function setUp(welcome: Partial<Welcome> | ((hello: Hello) => Partial<Welcome>) = {}) {
  const deployment = await TestDeployment.create();
  const said: { type: string; id?: number; [name: string]: unknown }[] = [];
  const edge: ScriptedEdge = await ScriptedEdge.start(deployment, {
    message: (socket, message) => {
      said.push(message);
      void answer(socket, message);
    },
  });
  /** What the registry does with a request of each type. */
  const answers: Record<string, (message: { id?: number; [name: string]: unknown }) => unknown> = {
    renew: async ({ id }) => ({ type: "renewed", id, renewal: await deployment.renewal() }),
    "status.request": ({ id }) => ({
      ...{ type: "error", id },
      error: toErrorBody(new FairleadError("edge.internal")),
    }),
  };
  async function answer(socket: WebSocket, message: { type: string; id?: number; [name: string]: unknown }) {
    if (message.type === "hello") {
      const hello = message as unknown as Hello;
      const more = typeof welcome === "function" ? welcome(hello) : welcome;
      const { link } = deployment;
      const links: LinkReport[] = link === null ? [] : [{ ...link, state: "up" }];
      socket.send(JSON.stringify({ ...edge.welcome(hello), links, ...more }));
      return;
    }
    const reply = await answers[message.type]?.(message);
    if (reply !== undefined) socket.send(JSON.stringify(reply));
  }
  const state = await temporaryState();
  const boot = randomId("boot");
  const log = new MemoryLog();
  const site = await Site.start({
    ...{ state, boot, site: "west", tokens: ["token"], api: deployment, log },
    readToken: async () => parseToken(deployment.tokenFile()),
  });
  const connector = await Connector.load({
    ...{ state, site, boot, software: "test", log: new LeveledLog(log, "debug") },
    config: mergeConfig({}, { expose: [parseExpose("db=5432")], to: [parseTo("db=east")] }),
    readToken: async () => parseToken(deployment.tokenFile()),
  });
  onTestFinished(() => connector.close());
  connector.start();
  await connector.welcomed;
  const hellos = () => said.filter((message) => message.type === "hello") as unknown as Hello[];
  const tell = (message: unknown) => edge.sockets.at(-1)?.send(JSON.stringify(message));
  return { deployment, edge, state, site, connector, log, said, answers, hellos, tell };
}

const stored = async (state: StateDirectory): Promise<string[]> =>
  JSON.parse((await state.read("links.json"))?.toString("utf8") ?? "").links.map(
    ({ name }: { name: string }) => name,
  );

const another = (deployment: TestDeployment, name = "link2", issuer = "public1") => {
  deployment.link = { id: randomId("link"), name, issuer };
  return parseToken(deployment.tokenFile());
};

describe("the hello of a Connector", () => {
  it("presents the links, the offers with their scopes, and this machine's clock", async () => {
    const before = Date.now();
    const { hellos, site } = await setUp();
    expect(hellos()[0]).toMatchObject({
      links: site.membership.links.map(({ certificate }) => certificate),
      offers: [{ name: "db", protocol: "tcp", port: 5432, to: ["east"] }],
    });
    const time = hellos()[0]?.time ?? 0;
    expect([before, time, Date.now()].toSorted((left, right) => left - right)[1]).toBe(time);
  });
});

describe("Connector.link", () => {
  it("stores the link, presents it on an uplink of its own, and shows it", async () => {
    const reports: LinkReport[] = [];
    const { connector, deployment, hellos, state, edge } = await setUp(() =>
      reports.length === 0 ? {} : { links: reports },
    );
    const first = deployment.link;
    const token = another(deployment);
    for (const link of [first, deployment.link]) if (link) reports.push({ ...link, state: "up", cost: 3 });
    expect(await connector.link(token, { cost: 3 })).toMatchObject({
      name: "link2",
      issuer: "public1",
      edge: "https://127.0.0.1:1",
    });
    expect(hellos().map(({ links }) => links.length)).toEqual([1, 2]);
    expect(edge.sockets).toHaveLength(2);
    expect(await stored(state)).toEqual(["first", "link2"]);
    expect((await connector.links()).links).toMatchObject([
      { name: "first", state: "up" },
      { name: "link2", issuer: "public1", state: "up", cost: 3 },
    ]);
    expect(deployment.redeemed[1]?.link).toEqual({ cost: 3 });
  });

  it("throws the registry's code, and opens no other uplink", async () => {
    const { connector, deployment, hellos } = await setUp();
    deployment.failures.push(new FairleadError("link.exists"));
    await expect(connector.link(another(deployment))).rejects.toEqual(code("link.exists"));
    expect(hellos()).toHaveLength(1);
  });

  it("refuses a token that gives no link", async () => {
    const { connector, deployment } = await setUp();
    const bound = parseToken(deployment.tokenFile({ site: "west" }));
    await expect(connector.link(bound)).rejects.toEqual(code("request.invalid"));
    expect(deployment.redeemed).toHaveLength(1);
  });
});

describe("Connector.unlink", () => {
  it("deletes the link at the registry and in the state directory", async () => {
    const { connector, answers, state, said } = await setUp();
    answers["link.delete"] = ({ id }) => ({ type: "done", id });
    await connector.unlink("first");
    expect(said.find(({ type }) => type === "link.delete")).toMatchObject({ link: "first" });
    expect(await stored(state)).toEqual([]);
    expect((await connector.links()).links).toEqual([]);
  });

  it("forgets a link that the registry does not know, and throws link.unknown for a link that it does not have itself", async () => {
    const { connector, answers, state } = await setUp();
    const error = toErrorBody(new FairleadError("link.unknown"));
    answers["link.delete"] = ({ id }) => ({ type: "error", id, error });
    await connector.unlink("first");
    expect(await stored(state)).toEqual([]);
    await expect(connector.unlink("first")).rejects.toEqual(code("link.unknown"));
  });
});

describe("the links of a Connector", () => {
  it("show a revoked link with an action, until the registry no longer lists it", async () => {
    const { connector, deployment, tell, state, log } = await setUp();
    const link = deployment.link ?? { id: "", name: "", issuer: "" };
    const incoming = { id: randomId("link"), name: "link1", joiner: "east", state: "up" };
    tell({ type: "links", links: [{ ...link, state: "down", code: "link.revoked" }], incoming: [incoming] });
    await eventually("the revocation", async () => (await connector.links()).incoming.length === 1);
    expect((await connector.links()).links).toMatchObject([
      { state: "down", code: "link.revoked", action: expect.stringContaining("fairlead link create") },
    ]);
    expect(log.lines.filter(({ fields }) => fields.code === "link.revoked")).toHaveLength(1);
    expect(await stored(state)).toEqual(["first"]);
    tell({ type: "links", links: [], incoming: [] });
    // Stored first, then shown.
    await eventually("the list", async () => (await connector.links()).links.length === 0);
    expect(await connector.links()).toEqual({ links: [], incoming: [] });
    expect(await stored(state)).toEqual([]);
  });

  it("keep a new link that the registry does not list yet", async () => {
    const { connector, deployment, tell, state } = await setUp(() => ({}));
    const first = deployment.link;
    const redeemed = connector.link(another(deployment));
    // It was on its way before the redemption.
    tell({ type: "links", links: [{ ...first, state: "up" }], incoming: [] });
    await redeemed;
    expect(await stored(state)).toContain("link2");
  });

  it("are requested from the registry for a status, at most once a second", async () => {
    const pass = holdTime();
    const { connector, deployment, answers, said, edge } = await setUp();
    const { links: _, network, site } = edge.welcome({ type: "hello" });
    const incoming = [{ id: randomId("link"), name: "link1", joiner: "east", state: "up", rtt: 30 }];
    const sites = [
      { ...site, state: "up" },
      { id: randomId("site"), name: "east", state: "up" },
      { id: randomId("site"), name: "north", state: "down" },
    ];
    const links = [{ ...deployment.link, state: "up", rtt: 12 }];
    const view = { network, sites, services: [], links, incoming };
    answers["status.request"] = ({ id }) => ({ type: "status", id, view });
    expect(await connector.links()).toMatchObject({ links: [{ rtt: 12 }], incoming: [{ rtt: 30 }] });
    await connector.links();
    expect((await connector.status()).otherSites).toBe(1);
    const requests = () => said.filter(({ type }) => type === "status.request").length;
    expect(requests()).toBe(1);
    await pass(1000);
    await connector.links();
    expect(requests()).toBe(2);
  });

  it("have missing certificates requested, once", async () => {
    const missing = { id: randomId("link"), name: "link7", issuer: "public1", state: "down" as const };
    const unheard = { ...missing, id: randomId("link"), name: "link8" };
    const { hellos, said, state, answers, deployment, edge } = await setUp({ links: [missing, unheard] });
    let certificate = "";
    answers.renew = async ({ id }) => {
      const renewal = await deployment.renewal();
      certificate = await deployment.linkCertificate(missing.id);
      const links = [{ id: missing.id, certificate }];
      return { type: "renewed", id, renewal: { ...renewal, links } };
    };
    await eventually("a hello with it", () => hellos().some(({ links }) => links.includes(certificate)));
    expect(await stored(state)).toContain("link7");
    edge.sockets.at(-1)?.terminate();
    await eventually("another uplink", () => hellos().length > 2);
    expect(said.filter(({ type }) => type === "renew")).toHaveLength(1);
  });

  it("have no certificate requested for a revoked link", async () => {
    const revoked = { id: randomId("link"), name: "link7", issuer: "public1", state: "down" as const };
    const { said } = await setUp({ links: [{ ...revoked, code: "link.revoked" }] });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(said.filter(({ type }) => type === "renew")).toEqual([]);
  });
});

describe("the site of a Connector", () => {
  it("takes its name from the registry, and keeps the former names", async () => {
    const { site, connector, state } = await setUp((hello) => ({
      site: { id: randomId("site"), name: hello.boot === "" ? "" : "far-west" },
    }));
    expect(site.membership).toMatchObject({ site: { name: "far-west" }, formerNames: ["west"] });
    expect((await connector.status()).site.name).toBe("far-west");
    expect((await state.read("site.json"))?.toString("utf8")).toContain("far-west");
  });

  it("shows an offer that the registry refuses with the reason, until the registry accepts it", async () => {
    const refused = [{ name: "db", code: "service.forbidden", message: "west may not offer db" }];
    const { connector, tell, log } = await setUp({ refused });
    expect(connector.services().offers).toMatchObject([
      { name: "db", refused: { code: "service.forbidden", action: expect.stringContaining("--may-offer") } },
    ]);
    expect(log.find("west may not offer db")?.level).toBe("warn");
    tell({ type: "offers.refused", refused: [] });
    await eventually("the offer is taken", () => connector.services().offers[0]?.refused === undefined);
  });

  it("shows a wrong clock", async () => {
    const { connector, log } = await setUp({ time: Date.now() - 100_000 });
    expect((await connector.status()).clockSkewMs).toBeLessThan(-90_000);
    expect(log.find("ahead of the edge's")?.level).toBe("warn");
  });
});

describe("a Connector whose uplink ends", () => {
  const services = [
    {
      ...{ name: "api", protocol: "tcp" as const, port: 9000 },
      offers: [{ site: randomId("site"), siteName: "east", boot: randomId("boot") }],
    },
  ];

  it("keeps the services of other sites", async () => {
    const { connector, edge } = await setUp({ services });
    edge.sockets[0]?.terminate();
    let least = 1;
    await eventually("it is back", () => {
      least = Math.min(least, connector.services().services.length);
      return edge.sockets.length > 1;
    });
    expect(least).toBe(1);
  });

  it("drops the services of other sites when the site was revoked", async () => {
    const { connector, edge, tell } = await setUp({ services });
    tell({ type: "error", error: toErrorBody(new FairleadError("site.revoked")) });
    edge.sockets[0]?.close(4403, "site.revoked");
    await eventually("nothing is seen", () => connector.services().services.length === 0);
    expect((await connector.status()).uplink).toMatchObject({ state: "refused", code: "site.revoked" });
  });
});

describe("a certificate of a Connector that cannot be renewed", () => {
  it("is shown with the reason", async () => {
    const missing = { id: randomId("link"), name: "link7", issuer: "public1", state: "down" as const };
    const holder: { refuse: boolean } = { refuse: true };
    const { connector, answers } = await setUp(() => ({ links: holder.refuse ? [missing] : [] }));
    const error = toErrorBody(new FairleadError("edge.internal", "no luck"));
    answers.renew = ({ id }) => ({ type: "error", id, error });
    await eventually("the failure", async () => (await connector.status()).renewal !== undefined);
    expect((await connector.status()).renewal).toMatchObject({ code: "edge.internal", message: "no luck" });
  });
});
