/** Certificates of sites that expire: in real time, with real connectors, over real TLS. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { listEvents } from "../../connector/operator/edge-api.ts";
import { age, ageLinks, type Forge, openForge } from "../support/authority/aged-certificates.ts";
import { timeOf } from "../support/clock/bound.ts";
import { connectorArgs } from "../support/connector/connector.ts";
import { type Connector, eventually, type TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { CheckedServer } from "../support/traffic/streams.ts";

const suite = useEdge();
const DAY_MS = 24 * 3600_000;
let network: TestNetwork;
let forge: Forge;
let server: CheckedServer;
let east: Connector;
let west: Connector;

beforeAll(async () => {
  network = await suite.cluster.network(suite.edge);
  [forge, server] = await Promise.all([openForge(suite.edge, network.id), CheckedServer.start()]);
  const token = await network.token({ uses: 2 });
  const args = ["--drain", "0s"];
  [east, west] = await Promise.all([
    suite.cluster.connector({ site: "east", token, args, expose: [`bytes=${server.at}`] }),
    suite.cluster.connector({ site: "west", token, args, bind: "127.91.0.0/16" }),
  ]);
});

/** Time at which a site's certificate expires, ms since 1970. */
const endOf = async (site: Connector) => Date.parse((await site.status()).certificateExpiresAt);

const renewals = async (site: string) =>
  (await listEvents(suite.edge.client, network.id, { type: "certificate.renewed" })).filter(
    (event) => event.site === site,
  ).length;

/** Restarts both sites, and opens streams between them. */
async function openAnew() {
  await Promise.all([east.restart(), west.restart()]);
  return await server.open(await west.listener("bytes"), 4, { bytes: 2000, everyMs: 20 });
}

/**
 * Opens streams in a session whose certificates expire at `ends` (ms since 1970), and waits until both sites have renewed
 * them. The certificates live four times as long as a start takes on this machine, because a connector renews them at
 * half of their life. Each further attempt doubles that, until the streams are open before the renewal, and the renewal
 * is done before the end.
 */
async function openWithAged() {
  await Promise.all([east.stop(), west.stop()]);
  let to = Math.max(6000, 4 * (await timeOf(async () => (await openAnew()).destroy())));
  for (let attempt = 0; attempt < 4; attempt++, to *= 2) {
    await Promise.all([east.stop(), west.stop()]);
    // The same CA signs both, so that the sites trust each other.
    for (const { stateDir } of [east, west]) await age(stateDir, forge, { from: -1000, to });
    const ends = Date.now() + to;
    const before = await Promise.all([renewals("east"), renewals("west")]);
    // If only one site renewed in time, neither trusts the other.
    const streams = await openAnew().catch(() => null);
    const lives = await Promise.all([endOf(east), endOf(west)]);
    if (streams !== null && lives.every((end) => end < ends + 1000)) {
      const [session] = (await west.status()).sessions;
      await eventually("both sites renew", async () =>
        (await Promise.all([endOf(east), endOf(west)])).every((end) => end > ends + DAY_MS / 2),
      );
      if (Date.now() < ends) return { streams, session, ends, before };
    }
    streams?.destroy();
  }
  throw new Error("The certificates were renewed before the streams were open, or after their end.");
}

describe("A connector that runs beyond the life of its certificate", () => {
  it("renews the certificate over the live uplink, and streams continue beyond its expiry", async () => {
    const { streams, session, ends, before } = await openWithAged();
    await sleep(ends + 1000 - Date.now());
    for (const [at, site] of [east, west].entries()) {
      expect(await endOf(site)).toBeGreaterThan(Date.now() + DAY_MS / 2);
      expect(site.log().filter(({ to }) => to === "up")).toHaveLength(1);
      expect(await renewals(site.site)).toBe((before[at] ?? 0) + 1);
    }
    await streams.move();
    expect((await west.status()).sessions).toMatchObject([
      { id: session?.id, generation: session?.generation },
    ]);
    await streams.finish();
  });
});

describe("A connector that starts with an expired certificate", () => {
  it("renews the certificate over the API with the same key, and stays the same site", async () => {
    const { id } = (await east.status()).site;
    const key = await readFile(join(east.stateDir, "key.pem"), "utf8");
    const before = await renewals("east");
    await east.stop();
    await age(east.stateDir, forge, { from: -21 * DAY_MS, to: -20 * DAY_MS });
    await east.restart();
    expect(await endOf(east)).toBeGreaterThan(Date.now() + DAY_MS / 2);
    expect((await east.status()).site.id).toBe(id);
    expect(await readFile(join(east.stateDir, "key.pem"), "utf8")).toBe(key);
    expect(await renewals("east")).toBe(before + 1);
    await eventually("the link of east is up", async () => (await east.status()).links[0]?.state === "up");
    const streams = await server.open(await west.listener("bytes"), 1, { bytes: 100, everyMs: 20 });
    await streams.move();
    await streams.finish();
  });

  it("prints the command that helps after thirty days, and stays the same site with a new token", async () => {
    const { id } = (await east.status()).site;
    const lived = { from: -33 * DAY_MS, to: -32 * DAY_MS };
    // An edge without connections stops at once.
    await Promise.all([east.stop(), west.stop()]);
    await age(east.stateDir, forge, lived);
    await suite.edge.stop();
    await ageLinks(suite.edge, id, forge, lived);
    await suite.edge.restart();
    await west.restart();
    const start = (token?: string) =>
      connectorArgs(
        { site: "east", expose: [`bytes=${server.at}`], ...(token ? { token } : {}) },
        east.stateDir,
      );
    const refused = await suite.cluster.fairlead(start().filter((word) => word !== "--json"));
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain("certificate.too_old");
    const said = /`(fairlead token create [^`]*)`/.exec(refused.stderr)?.[1];
    expect(said).toBe(`fairlead token create --network ${network.name} -o token.yaml`);

    // Runs the command exactly as it was printed.
    const token = suite.cluster.path("token.yaml");
    const words = (said ?? "").split(" ").slice(1);
    const made = await suite.edge.fairlead(...words.map((word) => (word === "token.yaml" ? token : word)));
    expect(made.status, made.stderr).toBe(0);
    await east.restart({ args: ["--token", token] });
    expect((await east.status()).site.id).toBe(id);
    expect(await endOf(east)).toBeGreaterThan(Date.now() + DAY_MS / 2);
    await eventually("the link of east is up", async () =>
      (await east.status()).links.some(({ state }) => state === "up"),
    );
    const streams = await server.open(await west.listener("bytes"), 1, { bytes: 100, everyMs: 20 });
    await streams.move();
    await streams.finish();
  });
});
