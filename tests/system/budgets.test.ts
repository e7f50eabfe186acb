/**
 * Budgets of a member: while it floods the edge, another network is served. `npm run attack -- flooded-registry` judges how
 * long that takes.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/clock/eventually.ts";
import { closeSockets, RawSite } from "../support/connector/raw-site.ts";
import { Neighbour } from "../support/edge/neighbour.ts";
import { useEdge } from "../support/run/suite.ts";
import { FLOODS, flood } from "../support/traffic/flood.ts";

const suite = useEdge();

let neighbour: Neighbour;
/** Token file of the flooded network. */
let tokens: string;

beforeAll(async () => {
  neighbour = await Neighbour.join(suite.cluster, suite.edge);
  const flooded = await suite.cluster.network(suite.edge);
  tokens = await flooded.token({ uses: 30 });
  for (let at = 0; at < 10; at++) await (await RawSite.join(suite.edge, tokens, `site-${at}`)).connect();
});

afterAll(() => {
  neighbour.close();
  closeSockets();
});

describe("A network beside a flooded one", () => {
  it.for(Object.entries(FLOODS))(
    "gets its sessions while a member of the other network floods with %s",
    async ([kind, messages]) => {
      const flooder = await RawSite.join(suite.edge, tokens, `flooder-${Object.keys(FLOODS).indexOf(kind)}`);
      const uplink = await flooder.connect();
      const over = new AbortController();
      const flooding = flood(uplink, messages, over.signal);
      // It rejects when a session is refused.
      await expect(neighbour.measure()).resolves.toEqual(expect.any(Number));
      over.abort();
      expect(await flooding).toBeGreaterThan(0);
      uplink.socket.terminate();
    },
  );
});

describe("The connector of a banned site", () => {
  it("waits for as long as the edge says, and then offers its services again", async () => {
    const network = await suite.cluster.network(suite.edge);
    const token = await network.token({ uses: 2 });
    const east = await suite.cluster.connector({
      ...{ site: "east", token, expose: ["api=127.0.0.1:9000"], bind: "127.47.0.0/16" },
      // No server is there.
      args: ["--health", "api=off"],
    });
    const other = await (await RawSite.like(suite.edge, east.stateDir)).connect();
    const padding = "x".repeat(200_000);
    for (let id = 1; id <= 100; id++) other.send({ type: "status.request", id, padding });
    expect((await other.closed).reason).toBe("uplink.limited");

    const offered = async () =>
      (await network.status()).services.some(({ name, sites }) => name === "api" && sites[0]?.state === "up");
    // The ban refuses new uplinks; the well-behaved uplink stays up.
    expect(await offered()).toBe(true);
    await east.restart();
    const waits = east.log().filter(({ to, code }) => to === "waiting" && code === "uplink.limited");
    expect(waits.length, "attempts that were refused").toBeGreaterThan(0);
    expect(waits.length, "attempts that were refused").toBeLessThan(4);
    await eventually("the registry has the offer", offered);
  });
});
