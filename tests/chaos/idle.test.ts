/** An idle network costs next to nothing: sessions keep no lane, and uplinks carry only keep-alives. */
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { ControlClient } from "../../connector/control/client.ts";
import { KEEPALIVE } from "../../protocol/uplink/messages.ts";
import { clearUp, lay } from "../support/harm/ground.ts";
import { HarmfulProxy } from "../support/harm/harmful-proxy.ts";
import { FULL, lasting, patience } from "../support/harm/scale.ts";
import { eventually } from "../support/process/cluster.ts";
import { report } from "../support/run/report.ts";
import { closeServers, dial, echo, exchange, serve } from "../support/traffic/servers.ts";

let proxy: HarmfulProxy;
afterAll(async () => {
  await closeServers();
  await proxy?.close();
});
clearUp();

/** Idle time after which a session parks, ms. The default is a minute. */
const PARK_AFTER = FULL ? 60_000 : 1000;
const PROCESS = join(import.meta.dirname, "../support/connector/connector-process.ts");

/**
 * Bytes of a keep-alive and its answer: one character each, in a WebSocket frame (2 bytes, and 4 of mask upwards), in a
 * TLS 1.3 record (22 bytes).
 */
const TLS_BYTES = 1 + 2 + 4 + 22 + (1 + 2 + 22);
/** Headers of the four packets: each message and its TCP acknowledgement, 52 bytes each. */
const PACKET_BYTES = 4 * 52;
const HOUR = 3_600_000;
const EXCHANGES_PER_HOUR = HOUR / KEEPALIVE.everyMs;
const BUDGET = 100_000;

describe("An idle session", () => {
  it("parks: it closes its lanes, stays known to both sides, and opens a lane for the next connection", {
    timeout: patience(PARK_AFTER),
  }, async () => {
    proxy = await HarmfulProxy.start();
    const ground = await lay();
    const { cluster, edge, token } = ground;
    const server = await serve(echo);
    const start = async (site: string, more: object) => {
      const stateDir = cluster.fresh(site);
      const limits = { parkAfterMs: PARK_AFTER };
      const options = { site, stateDir, tokens: [token], limits, ...more };
      const args = [PROCESS, JSON.stringify(options)];
      const run = cluster.spawn({ name: site, command: process.execPath, args, env: proxy.env });
      await run.output("uplink up", ({ stdout }) => (/"to":"up"/.test(stdout) ? true : null));
      return new ControlClient(stateDir);
    };
    const north = await start("north", { expose: [`quiet=${server.at}`] });
    const south = await start("south", { bind: "127.5.0.0/16" });
    const uplinks = proxy.open(edge.gatewayUrl);
    expect(uplinks).toHaveLength(2);
    const place = await eventually("south listens for quiet", async () => {
      const { services } = await south.services();
      const at = services.find(({ name }) => name === "quiet")?.listener;
      const [host = "", port = ""] = at?.state === "listening" ? at.address.split(":") : [];
      return host === "" ? null : { host, port: Number(port) };
    });
    const lanes = () => proxy.open(edge.gatewayUrl).filter((tunnel) => !uplinks.includes(tunnel)).length;

    // The session cannot park while a connection is open.
    const held = await dial(place);
    held.write("awake");
    expect(String(await once(held, "data"))).toBe("awake");
    expect(lanes()).toBe(2);
    const [{ id } = { id: "" }] = (await south.status()).sessions;
    held.end();
    await eventually("no lane is left", () => lanes() === 0, { within: PARK_AFTER + 120_000 });
    for (const site of [south, north]) {
      await eventually("the session is parked", async () => {
        const { sessions } = await site.status();
        expect(sessions).toMatchObject([{ id, state: "parked", streams: 0, lanes: 0 }]);
        return true;
      });
    }

    // Messages from before, such as the status requests above, may still be on their way.
    const measured = await eventually("the uplinks carry keep-alives alone", async () => {
      const [before, begin] = [uplinks.map(({ bytes }) => bytes), performance.now()];
      await sleep(FULL ? 3 * KEEPALIVE.everyMs : lasting(0.1));
      const window = performance.now() - begin;
      const most = TLS_BYTES * Math.ceil(window / KEEPALIVE.everyMs);
      const grown = uplinks.map(({ bytes }, at) => bytes - (before[at] ?? 0));
      for (const bytes of grown) expect(bytes, "bytes of an idle uplink").toBeLessThanOrEqual(most);
      return { bytes: grown, ms: Math.round(window) };
    });
    const perHour = EXCHANGES_PER_HOUR * (TLS_BYTES + PACKET_BYTES);
    expect(perHour).toBeLessThan(BUDGET);

    const begin = performance.now();
    expect((await exchange(place, "awake again")).toString()).toBe("awake again");
    const waking = Math.round(performance.now() - begin);
    expect((await south.status()).sessions).toMatchObject([{ id }]);
    report("idle", {
      "uplink bytes measured": measured.bytes,
      "in ms": measured.ms,
      "KB per hour with TCP and IP": perHour / 1000,
      "waking, ms": waking,
    });
  });
});
