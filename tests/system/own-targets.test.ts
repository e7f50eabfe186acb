/** Sites on one machine whose listeners would take the addresses of their targets. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { listEvents } from "../../connector/operator/edge-api.ts";
import { eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { dial, exchange, fate, serve } from "../support/traffic/servers.ts";

const suite = useEdge();

describe.runIf(process.platform === "linux")("Two sites on one machine", () => {
  it("leave the port of their target to the application, with listener.own_target in status and events", async () => {
    const network = await suite.cluster.network(suite.edge);
    const token = await network.token({ uses: 2 });
    const app = await serve((socket) => socket.end("the app"), { host: "127.0.0.1" });
    const [west, east] = await Promise.all(
      ["west", "east"].map((site) => suite.cluster.connector({ site, token, expose: [`api=${app.port}`] })),
    );
    if (west === undefined || east === undefined) throw new Error("The connectors of two sites are needed.");
    await app.close();
    for (const site of [west, east]) {
      const listener = await eventually(`${site.site} reports listener.own_target`, async () => {
        const line = (await site.status()).services.find(({ name }) => name === "api");
        return line?.listener?.code === "listener.own_target" && line.listener;
      });
      expect(listener).toMatchObject({ address: `127.0.0.1:${app.port}`, state: "failed" });
      const { stdout } = await site.fairlead("status");
      expect(stdout).toContain("listener.own_target");
      expect(stdout).toContain("do: Give the listener another address");
    }
    const events = await eventually("both failures are events", async () => {
      const failed = await listEvents(suite.edge.client, network.id, { type: "listener.failed" });
      return failed.length >= 2 && failed;
    });
    expect(new Set(events.map(({ code }) => code))).toEqual(new Set(["listener.own_target"]));
    // No connector holds the port, however long they have tried.
    const again = await serve((socket) => socket.end("the app"), { host: "127.0.0.1", port: app.port });
    await west.restart({ bind: "127.2.93.0/24", expose: [] });
    const place = await west.listener("api");
    expect((await exchange(place, "")).toString()).toBe("the app");
    await again.close();
  });

  it("give up a listener that is the target of a later offer of the other site", async () => {
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
    // East's application does not run yet, and west listens at its target.
    expect((await east.fairlead("expose", `other=${far.port}`)).status).toBe(0);
    const failed = await eventually("west gives up its listener", async () => {
      const line = (await west.status()).services.find(({ name }) => name === "api");
      return line?.listener?.code === "listener.own_target" && line.listener;
    });
    expect(failed.message).toContain("the target of other, which site east on this machine offers");
    const app = await serve((socket) => socket.end("the app"), { host: "127.0.0.1", port: far.port });
    await app.close();
    expect((await east.fairlead("unexpose", "other")).status).toBe(0);
    expect(await west.listener("api")).toEqual(place);
  });
});

describe.runIf(process.platform === "linux")("A loop of two connectors", () => {
  it("ends with service.loop after a bounded number of connections, and status shows it", async () => {
    const network = await suite.cluster.network(suite.edge);
    const token = await network.token({ uses: 2 });
    const app = await serve((socket) => socket.end("the app"), { host: "127.0.0.1" });
    await app.close();
    const east = await suite.cluster.connector({
      ...{ site: "east", token, bind: "127.2.96.0/24", expose: [`api=${app.port}`] },
      // No server is there until the listener of the other connector takes its place.
      args: ["--health", "api=off"],
    });
    const west = await suite.cluster.connector({ site: "west", token, listen: [`api=${app.at}`] });
    const place = await west.listener("api");
    expect(await fate(place)).toBe("ECONNRESET");
    await eventually("no stream is open", async () => {
      const sessions = [...(await west.status()).sessions, ...(await east.status()).sessions];
      return sessions.every(({ streams }) => streams === 0);
    });
    await west.logged({ code: "service.loop" });
    // One client caused as many clients of the listener as the loop limit allows.
    const resets = west.log().filter(({ code }) => code === "service.loop");
    expect(resets.length).toBeGreaterThan(0);
    expect(resets.length).toBeLessThanOrEqual(10);
    const line = (await west.status()).services.find(({ name }) => name === "api");
    expect(line?.listener).toMatchObject({ state: "failed", code: "service.loop" });
    expect((await west.fairlead("status")).stdout).toContain("service.loop");
    await eventually("the loop is an event", async () =>
      (await listEvents(suite.edge.client, network.id, { type: "listener.failed" })).some(
        ({ code }) => code === "service.loop",
      ),
    );
  });
});

describe("A site that offers a service that another site offers too", () => {
  it("serves its own clients from its own target, and from the other site when that is busy or gone", async () => {
    const network = await suite.cluster.network(suite.edge);
    const token = await network.token({ uses: 2 });
    const named = (name: string, host: string) => serve((socket) => socket.write(name), { host });
    const [inWest, inEast] = [await named("west", "127.3.94.1"), await named("east", "127.3.94.2")];
    const east = await suite.cluster.connector({ site: "east", token, expose: [`api:7000=${inEast.at}`] });
    const west = await suite.cluster.connector({
      ...{ site: "west", token, bind: "127.2.97.0/24" },
      expose: [`api:7000=${inWest.at}`],
      // A scope never keeps a site from its own targets.
      args: ["--to", "api=east"],
    });
    const place = await west.listener("api");
    const held: Socket[] = [];
    const open = async () => {
      const socket = await dial(place);
      held.push(socket);
      const [name] = (await once(socket, "data")) as [Buffer];
      return name.toString();
    };
    expect([await open(), await open(), await open()]).toEqual(["west", "west", "west"]);
    expect((await west.status()).sessions).toEqual([]);
    // Cost 0 and three streams against the cost of two links.
    expect(await open()).toBe("east");
    for (const socket of held.splice(0)) socket.destroy();
    await inWest.close();
    await eventually("the other site serves", async () => (await open()) === "east");
    await west.fairlead("unexpose", "api");
    expect(await open()).toBe("east");
    for (const socket of held) socket.destroy();
    await east.stop();
  });
});
