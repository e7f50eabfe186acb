import { stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ControlClient } from "../../../../connector/control/client.ts";
import { type Controlled, controlRoutes } from "../../../../connector/control/routes.ts";
import type { Status } from "../../../../connector/control/schema.ts";
import { controlPath, serveControl } from "../../../../connector/control/server.ts";
import { linkLines, serviceLines, uplinkLine } from "../../../../connector/control/view.ts";
import { Offers } from "../../../../connector/services/offers.ts";
import { randomId } from "../../../support/certificates.ts";
import { temporaryDirectory, temporaryState } from "../support/directories.ts";

const code = (text: string) => expect.objectContaining({ code: text });

async function setUp() {
  const state = await temporaryState();
  const offers = await Offers.load(state, []);
  const services = () => ({ services: [], offers: offers.list() });
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
    services: [],
    sessions: [],
  };
  const connector: Controlled = {
    status: async () => ({ ...status, offers: offers.list() }),
    services,
    links: () => ({ links: [{ id: randomId("link"), name: "first", issuer: "network", state: "up" }] }),
    sessions: () => ({ sessions: [] }),
    expose: (exposure) => offers.add(exposure),
    unexpose: (name) => offers.remove(name),
  };
  const server = await serveControl(state.path, controlRoutes(connector));
  onTestFinished(() => server.close());
  return { path: state.path, server, connector, client: new ControlClient(state.path) };
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
    const offer = { name: "api", host: "127.0.0.1", port: 80, protocol: "tcp" };
    expect(await client.expose({ name: "api", port: 80 })).toEqual(offer);
    expect((await client.services()).offers).toEqual([offer]);
    await expect(client.expose({ name: "api", port: 80 })).rejects.toEqual(code("service.taken"));
    await client.unexpose("api");
    await expect(client.unexpose("api")).rejects.toEqual(code("service.unknown"));
  });

  it("refuses what has the wrong form, and lives on", async () => {
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

  it("is for its owner only, and gone after the end", async () => {
    const { path, server, client } = await setUp();
    expect((await stat(controlPath(path))).mode & 0o777).toBe(0o600);
    await server.close();
    await expect(client.status()).rejects.toEqual(code("connector.unreachable"));
  });

  it("takes the place of one that a killed process left", async () => {
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

describe("what status shows", () => {
  const trouble = { code: "site.revoked", message: "revoked", action: "join again" } as const;

  it("of an uplink, with code, action and when it is tried again", () => {
    expect(uplinkLine({ state: "up", since: 0 })).toEqual({ state: "up", since: "1970-01-01T00:00:00.000Z" });
    expect(uplinkLine({ state: "refused", since: 0, until: 1000, trouble })).toEqual({
      state: "refused",
      since: "1970-01-01T00:00:00.000Z",
      retryAt: "1970-01-01T00:00:01.000Z",
      ...trouble,
    });
  });

  it("of links: none is up without an uplink", () => {
    const link = { id: randomId("link"), name: "first", issuer: "network", state: "up" as const };
    expect(linkLines([link], { state: "up", since: 0 })).toEqual([link]);
    expect(linkLines([link], { state: "connecting", since: 0 })).toEqual([
      { ...link, state: "down", code: "uplink.lost" },
    ]);
  });

  it("of services: each site once, and the listener with its failure", () => {
    const offers = ["b1", "b2"].map((boot) => ({ site: "s", siteName: "east", boot }));
    const services = [{ name: "api", protocol: "tcp" as const, port: 80, offers }];
    const failure = { address: "127.0.0.1:80", state: "failed" as const, code: "listener.port_taken" };
    expect(serviceLines(services, [{ service: "api", ...failure }])[0]).toMatchObject({
      sites: ["east"],
      listener: failure,
    });
    expect(serviceLines(services, [])[0]?.listener).toBeNull();
  });
});
