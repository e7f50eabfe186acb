import { stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseExpose } from "../../../../connector/config/service-options.ts";
import { ControlClient } from "../../../../connector/control/client.ts";
import { type Controlled, controlRoutes } from "../../../../connector/control/routes.ts";
import type { Links, Status } from "../../../../connector/control/schema.ts";
import { controlPath, serveControl } from "../../../../connector/control/server.ts";
import {
  exposedService,
  linkLines,
  offerLine,
  offerLines,
  serviceLines,
  uplinkLine,
} from "../../../../connector/control/view.ts";
import { Offers } from "../../../../connector/targets/offers.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { TestDeployment } from "../../../support/authority/test-deployment.ts";
import { temporaryDirectory, temporaryState } from "../../../support/process/directories.ts";

const code = (text: string) => expect.objectContaining({ code: text });

async function setUp() {
  const state = await temporaryState();
  const offers = await Offers.load(state, []);
  const services = () => ({ services: [], offers: offers.list().map(offerLine) });
  const status: Omit<Status, "offers"> = {
    site: { id: randomId("site"), name: "west" },
    network: { id: randomId("network"), name: "shop" },
    edge: "https://edge.test",
    boot: randomId("boot"),
    software: "fairlead/0",
    uplink: { state: "up", since: "2026-11-23T00:00:00.000Z" },
    certificateExpiresAt: "2026-11-24T00:00:00.000Z",
    otherSites: 2,
    links: [],
    incoming: [],
    services: [],
    sessions: [],
  };
  const links: Links = {
    links: [{ id: randomId("link"), name: "first", issuer: "network", state: "up", rtt: null }],
    incoming: [],
  };
  const asked: unknown[] = [];
  const connector: Controlled = {
    status: async () => ({ ...status, ...services() }),
    services,
    links: async () => links,
    sessions: () => ({ sessions: [] }),
    configuration: () => ({}),
    logs: () => ({ lines: [] }),
    flows: () => [],
    connect: async ({ service }) => {
      if (service !== "api") throw new FairleadError("service.refused");
      return { site: "east", session: null, stream: 1, ms: 12 };
    },
    expose: async (request) => {
      const offering = await offers.add(request);
      return exposedService(offerLine(offering.exposure), offering, null);
    },
    unexpose: (name) => offers.remove(name),
    link: async (token, wishes) => {
      asked.push({ claim: token.spec.claim, ...wishes });
      const link = { id: randomId("link"), name: wishes.name ?? "link1", issuer: "public1" };
      links.links.push({ ...link, state: "down", rtt: null });
      return { ...link, edge: "https://edge.test" };
    },
    unlink: async (name) => {
      if (!links.links.some((link) => link.name === name)) throw new FairleadError("link.unknown");
      links.links = links.links.filter((link) => link.name !== name);
    },
    move: async ({ api, gateway = "https://gateway.test" }) => {
      if (api === "https://impostor.test") throw new FairleadError("edge.untrusted");
      return { site: "west", edge: api, gateway };
    },
  };
  const server = await serveControl(state.path, controlRoutes(connector));
  onTestFinished(() => server.close());
  return { path: state.path, server, connector, asked, client: new ControlClient(state.path) };
}

/** Sends a request as no client of ours would. */
function raw(
  path: string,
  options: { method: string; url: string; body?: string },
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const { method, url, body } = options;
    const outgoing = request({ socketPath: controlPath(path), method, path: url }, (response) => {
      let text = "";
      response.on("data", (data) => {
        text += data;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

describe("the control socket", () => {
  it("answers status, services, links and sessions", async () => {
    const { client } = await setUp();
    expect(await client.status()).toMatchObject({
      site: { name: "west" },
      otherSites: 2,
      uplink: { state: "up" },
    });
    expect(await client.services()).toEqual({ services: [], offers: [] });
    expect((await client.links()).links[0]?.name).toBe("first");
    expect(await client.sessions()).toEqual({ sessions: [] });
  });

  it("exposes and unexposes services", async () => {
    const { client } = await setUp();
    const at = (port: number, more = {}) => ({
      ...{ name: "api", host: "127.0.0.1", port, protocol: "tcp", ...more },
      ports: [{ protocol: "tcp", targets: [{ host: "127.0.0.1", port }], ...more }],
    });
    const offer = at(80);
    expect(await client.expose({ name: "api", port: 80 })).toEqual(offer);
    expect((await client.services()).offers).toEqual([offer]);
    expect(await client.expose({ name: "api", port: 80 })).toEqual(offer);
    expect(await client.expose({ name: "api", port: 81, servicePort: 8080 })).toEqual({
      ...at(81, { servicePort: 8080 }),
      movedFrom: { host: "127.0.0.1", port: 80 },
    });
    await client.unexpose("api");
    await expect(client.unexpose("api")).rejects.toEqual(code("service.unknown"));
  });

  it("changes the scope of a service that is exposed again with the same target", async () => {
    const { client } = await setUp();
    await client.expose({ name: "api", port: 80, to: ["east", "west"] });
    await client.expose({ name: "api", port: 80, to: ["east"] });
    expect((await client.services()).offers).toMatchObject([{ name: "api", to: ["east"] }]);
    await client.expose({ name: "api", port: 80 });
    expect((await client.services()).offers[0]).not.toHaveProperty("to");
    await expect(client.expose({ name: "db", port: 80, to: ["No Site"] })).rejects.toEqual(
      code("request.invalid"),
    );
  });

  it("makes and deletes links", async () => {
    const { client, asked } = await setUp();
    const token = (await TestDeployment.create()).tokenFile();
    expect(await client.link({ token, name: "backup", cost: 10 })).toMatchObject({
      name: "backup",
      issuer: "public1",
    });
    expect(asked).toEqual([{ claim: expect.any(String), name: "backup", cost: 10 }]);
    expect((await client.links()).links.map(({ name }) => name)).toEqual(["first", "backup"]);
    await client.unlink("backup");
    await expect(client.unlink("backup")).rejects.toEqual(code("link.unknown"));
  });

  it("moves the site, and passes a refusal on", async () => {
    const { client } = await setUp();
    const api = "https://edge.test:1";
    expect(await client.move({ api })).toEqual({ site: "west", edge: api, gateway: "https://gateway.test" });
    await expect(client.move({ api: "https://impostor.test" })).rejects.toEqual(code("edge.untrusted"));
    await expect(client.move({ api: "http://edge.test" })).rejects.toEqual(code("request.invalid"));
  });

  it("refuses a link with a token, a name or a cost of the wrong form", async () => {
    const { client, asked } = await setUp();
    const token = (await TestDeployment.create()).tokenFile();
    await expect(client.link({ token: token.slice(0, 200) })).rejects.toEqual(code("token.malformed"));
    await expect(client.link({ token, name: "Backup" })).rejects.toEqual(code("request.invalid"));
    await expect(client.link({ token, cost: 0 })).rejects.toEqual(code("request.invalid"));
    await expect(client.unlink("No Link")).rejects.toEqual(code("request.invalid"));
    expect(asked).toEqual([]);
  });

  it("refuses a request of the wrong form, and serves the next one", async () => {
    const { path, client } = await setUp();
    await expect(client.expose({ name: "API", port: 80 })).rejects.toEqual(code("request.invalid"));
    await expect(client.expose({ name: "api", port: 0 })).rejects.toEqual(code("request.invalid"));
    expect((await raw(path, { method: "POST", url: "/services", body: "{" })).status).toBe(400);
    expect((await raw(path, { method: "POST", url: "/services", body: "x".repeat(100_000) })).status).toBe(
      413,
    );
    expect((await raw(path, { method: "GET", url: "/unknown" })).body).toContain("route.unknown");
    expect((await raw(path, { method: "GET", url: "//[" })).status).toBeGreaterThanOrEqual(400);
    const garbage = connect(controlPath(path));
    garbage.on("error", () => {});
    garbage.end("garbage\r\n\r\n");
    expect((await client.status()).site.name).toBe("west");
  });

  it("is accessible to its owner only, and removed when it is closed", async () => {
    const { path, server, client } = await setUp();
    expect((await stat(controlPath(path))).mode & 0o777).toBe(0o600);
    await server.close();
    await expect(client.status()).rejects.toEqual(code("connector.unreachable"));
  });

  it("replaces the socket of a killed process", async () => {
    const path = await temporaryDirectory();
    await writeFile(controlPath(path), "");
    const { connector } = await setUp();
    const server = await serveControl(path, controlRoutes(connector));
    onTestFinished(() => server.close());
    expect((await new ControlClient(path).status()).site.name).toBe("west");
  });

  it("is refused in a directory whose path is too long, with a clear error", () => {
    expect(() => controlPath(join("/", "x".repeat(100)))).toThrow(code("state.path_too_long"));
    expect(controlPath("/".padEnd(87, "x"))).toHaveLength(100);
  });
});

describe("the views of status", () => {
  const trouble = { code: "site.revoked", message: "revoked", action: "join again" } as const;

  it("show an uplink with code, action and time of the next attempt", () => {
    expect(uplinkLine({ state: "up", since: 0 }, 12)).toEqual({
      state: "up",
      since: "1970-01-01T00:00:00.000Z",
      rtt: 12,
    });
    expect(uplinkLine({ state: "refused", since: 0, until: 1000, trouble })).toEqual({
      state: "refused",
      since: "1970-01-01T00:00:00.000Z",
      retryAt: "1970-01-01T00:00:01.000Z",
      rtt: null,
      ...trouble,
    });
  });

  const link = { id: randomId("link"), name: "link1", issuer: "public1", state: "up" as const };
  const incoming = { id: randomId("link"), name: "link1", joiner: "east", state: "up" as const };
  const up = { state: "up", since: 0 } as const;
  const away = { state: "connecting", since: 0 } as const;

  it("show links of both directions with state, cost, time of the change and round trip", () => {
    const reports = [{ ...link, cost: 3, since: 1000, rtt: 12.5 }];
    expect(linkLines({ reports, incoming: [incoming], held: [] }, up)).toEqual({
      links: [{ ...link, cost: 3, since: "1970-01-01T00:00:01.000Z", rtt: 12.5 }],
      incoming: [{ ...incoming, rtt: null }],
    });
  });

  it("show every link as down without an uplink, and a revoked link as revoked", () => {
    const revoked = {
      ...link,
      id: randomId("link"),
      name: "link10",
      state: "down" as const,
      code: "link.revoked",
    };
    const second = { ...link, id: randomId("link"), name: "link2", since: 1000, rtt: 12 };
    const known = { reports: [revoked, second, link], incoming: [incoming], held: [] };
    const { links, incoming: others } = linkLines(known, away);
    expect(links.map(({ name, state, code }) => [name, state, code])).toEqual([
      ["link1", "down", "uplink.lost"],
      ["link2", "down", "uplink.lost"],
      ["link10", "down", "link.revoked"],
    ]);
    expect(links[1]).toMatchObject({ rtt: null });
    expect(links[1]).not.toHaveProperty("since");
    expect(links[2]?.action).toContain("fairlead link create");
    expect(others).toMatchObject([{ state: "down", code: "uplink.lost" }]);
  });

  it("show a link that this site revoked with the action to issue a new token", () => {
    const revoked = { ...incoming, state: "down" as const, code: "link.revoked" };
    const [line] = linkLines({ reports: [], incoming: [revoked], held: [] }, up).incoming;
    expect(line?.action).toContain("Give east a new token");
    expect(line?.action).toContain("fairlead token create --issuer");
  });

  it("show a new link before the registry reports it", () => {
    const held = [link, { ...link, id: randomId("link"), name: "link2" }];
    const { links } = linkLines({ reports: [link], incoming: [], held }, up);
    expect(links.map(({ name, state }) => [name, state])).toEqual([
      ["link1", "up"],
      ["link2", "down"],
    ]);
  });

  it("show an offer that the network refuses with the reason and an action", () => {
    const exposed = parseExpose("api=80");
    const offer = offerLine(exposed);
    const withPort = (networkPort: number) => ({
      ...{ ...offer, networkPort },
      ports: offer.ports?.map((port) => ({ ...port, networkPort })),
    });
    const refused = [{ name: "api", code: "service.forbidden", message: "not this name" }];
    expect(offerLines([exposed, { ...exposed, name: "db" }], refused)).toEqual([
      {
        ...offer,
        refused: {
          code: "service.forbidden",
          message: "not this name",
          action: expect.stringContaining("--may-offer"),
        },
      },
      { ...withPort(80), name: "db" },
    ]);
    expect(offerLines([exposed], [], () => 8080)).toEqual([withPort(8080)]);
    const newer = [{ name: "api", code: "service.of_a_newer_edge", message: "no" }];
    expect(offerLines([exposed], newer)[0]?.refused).toEqual({
      code: "service.of_a_newer_edge",
      message: "no",
    });
  });

  it("show a service with each site once, and its listener with its failure", () => {
    const offers = ["b1", "b2"].map((boot) => ({ site: "s", siteName: "east", boot }));
    const services = [{ name: "api", protocol: "tcp" as const, port: 80, offers }];
    const failure = { address: "127.0.0.1:80", state: "failed" as const, code: "listener.port_taken" };
    expect(serviceLines(services, [{ service: "api", ...failure }])[0]).toMatchObject({
      sites: ["east"],
      listener: failure,
    });
    expect(serviceLines(services, [])[0]?.listener).toBeNull();
  });

  it("name the sites whose targets are down, and say so where none is up", () => {
    const offers = [
      { site: "s1", siteName: "east", boot: "b1", down: [80] },
      { site: "s2", siteName: "north", boot: "b2", ports: [90] },
      { site: "s3", siteName: "east", boot: "b3", down: [80, 90] },
    ];
    const [tcp, http] = [{ port: 80, protocol: "tcp" } as const, { port: 90, protocol: "http" } as const];
    const [line] = serviceLines([{ name: "api", ...tcp, ports: [tcp, http], offers }], []);
    expect(line).toMatchObject({ down: ["east"], code: undefined });
    expect(line?.ports).toMatchObject([
      { port: 80, sites: ["east"], down: ["east"], code: "service.unhealthy" },
      { port: 90, sites: ["east", "north"] },
    ]);
    expect(line?.ports?.[1]?.code).toBeUndefined();
    const [single] = serviceLines([{ name: "db", ...tcp, offers: offers.slice(0, 1) }], []);
    expect(single).toMatchObject({ down: ["east"], code: "service.unhealthy" });
  });
});
