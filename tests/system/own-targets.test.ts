/** Sites on one machine whose listeners would be where their targets are. */
import { describe, expect, test } from "vitest";
import { listEvents } from "../../connector/operator/edge-api.ts";
import { eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { exchange, fate, serve } from "../support/traffic/servers.ts";

const suite = useEdge();

describe.runIf(process.platform === "linux")(
  "two sites on one machine that offer the same service at the same port",
  () => {
    test("leave the port to the application, say so in status and as an event, and serve it when it is back", async () => {
      const network = await suite.cluster.network(suite.edge);
      const token = await network.token({ uses: 2 });
      const app = await serve((socket) => socket.end("the app"), { host: "127.0.0.1" });
      const [west, east] = await Promise.all(
        ["west", "east"].map((site) => suite.cluster.connector({ site, token, expose: [`api=${app.port}`] })),
      );
      if (west === undefined || east === undefined) throw new Error("two sites");
      await app.close();
      for (const site of [west, east]) {
        const listener = await eventually(`${site.site} says that it is its own target`, async () => {
          const line = (await site.status()).services.find(({ name }) => name === "api");
          return line?.listener?.code === "listener.own_target" && line.listener;
        });
        expect(listener).toMatchObject({ address: `127.0.0.1:${app.port}`, state: "failed" });
        const { stdout } = await site.fairlead("status");
        expect(stdout).toContain("listener.own_target");
        expect(stdout).toContain("do: Give the listener another address");
      }
      const events = await eventually("both are events", async () => {
        const failed = await listEvents(suite.edge.client, network.id, { type: "listener.failed" });
        return failed.length >= 2 && failed;
      });
      expect(new Set(events.map(({ code }) => code))).toEqual(new Set(["listener.own_target"]));
      // Nobody holds the port, however long the connectors have tried.
      const again = await serve((socket) => socket.end("the app"), { host: "127.0.0.1", port: app.port });
      await west.restart({ bind: "127.2.93.0/24", expose: [] });
      const place = await west.listener("api");
      expect((await exchange(place, "")).toString()).toBe("the app");
      await again.close();
    }, 120_000);

    test("of which only one offers it give way to each other, however late the offer comes", async () => {
      const network = await suite.cluster.network(suite.edge);
      const token = await network.token({ uses: 3 });
      const far = await serve((socket) => socket.end("far"), { host: "127.3.93.1" });
      const [west, east] = await Promise.all([
        suite.cluster.connector({ site: "west", token }),
        suite.cluster.connector({ site: "east", token, bind: "127.2.94.0/24" }),
        suite.cluster.connector({ site: "north", token, bind: "127.2.95.0/24", expose: [`api=${far.at}`] }),
      ]);
      const place = await west.listener("api");
      expect(place).toEqual({ host: "127.0.0.1", port: far.port });
      // East's application is not started yet: its target is where west listens.
      expect((await east.fairlead("expose", `other=${far.port}`)).status).toBe(0);
      const failed = await eventually("west gives way", async () => {
        const line = (await west.status()).services.find(({ name }) => name === "api");
        return line?.listener?.code === "listener.own_target" && line.listener;
      });
      expect(failed.message).toContain("the target of other, which site east on this machine offers");
      const app = await serve((socket) => socket.end("the app"), { host: "127.0.0.1", port: far.port });
      await app.close();
      expect((await east.fairlead("unexpose", "other")).status).toBe(0);
      expect(await west.listener("api", { within: 60_000 })).toEqual(place);
    }, 120_000);
  },
);

test.runIf(process.platform === "linux")(
  "a circle over a listener that was asked for at another connector's target ends by its count, and status says so",
  async () => {
    const network = await suite.cluster.network(suite.edge);
    const token = await network.token({ uses: 2 });
    const app = await serve((socket) => socket.end("the app"), { host: "127.0.0.1" });
    await app.close();
    const east = await suite.cluster.connector({
      ...{ site: "east", token, bind: "127.2.96.0/24", expose: [`api=${app.port}`] },
    });
    const west = await suite.cluster.connector({ site: "west", token, listen: [`api=${app.at}`] });
    const place = await west.listener("api");
    expect(await fate(place)).toBe("ECONNRESET");
    await eventually("nothing goes round any more", async () => {
      const sessions = [...(await west.status()).sessions, ...(await east.status()).sessions];
      return sessions.every(({ streams }) => streams === 0);
    });
    // One client took as many clients of the listener as may follow each other, and no more.
    const resets = west.log().filter(({ code }) => code === "service.loop");
    expect(resets.length).toBeGreaterThan(0);
    expect(resets.length).toBeLessThanOrEqual(10);
    const line = (await west.status()).services.find(({ name }) => name === "api");
    expect(line?.listener).toMatchObject({ state: "failed", code: "service.loop" });
    expect((await west.fairlead("status")).stdout).toContain("service.loop");
    await eventually("it is an event", async () =>
      (await listEvents(suite.edge.client, network.id, { type: "listener.failed" })).some(
        ({ code }) => code === "service.loop",
      ),
    );
  },
  120_000,
);
