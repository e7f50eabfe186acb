/** Paths that become black holes: they carry nothing, without a reset, an end or an error. */
import { afterAll, describe, expect, it } from "vitest";
import { eventually } from "../support/clock/eventually.ts";
import { session } from "../support/connector/sessions.ts";
import { clearUp, lay } from "../support/harm/ground.ts";
import { HarmfulProxy } from "../support/harm/harmful-proxy.ts";
import { FULL, patience } from "../support/harm/scale.ts";
import { report } from "../support/run/report.ts";

let proxy: HarmfulProxy;
afterAll(() => proxy?.close());
clearUp();

describe("A session behind a black hole", () => {
  it("replaces a lane that becomes a black hole, and its streams continue", {
    timeout: patience(60_000),
  }, async () => {
    proxy = await HarmfulProxy.start();
    const ground = await lay({ east: { env: proxy.env } });
    const { edge, west } = ground;
    const uplinks = proxy.open(edge.gatewayUrl);
    const streams = await ground.server.open(ground.streams, 20, { bytes: 4000, everyMs: 40 });
    await streams.move();
    const { id } = await session(west, "is up", ({ state }) => state === "up");

    for (const direction of FULL ? (["both", "up", "down"] as const) : (["both"] as const)) {
      const lanes = proxy.open(edge.gatewayUrl).filter((tunnel) => !uplinks.includes(tunnel));
      expect(lanes.length, "lanes of the session").toBeGreaterThan(0);
      // Nothing but their silence ends them.
      for (const lane of lanes) lane.freeze(direction);
      const recovery = await streams.move();
      const fresh = proxy
        .open(edge.gatewayUrl)
        .filter((each) => !uplinks.includes(each) && !lanes.includes(each));
      expect(fresh.length, "new lanes").toBeGreaterThan(0);
      const { generation } = await session(west, "is the first one still", (now) => now.id === id);
      report("black hole", { direction, "until every stream moves, ms": recovery, generation });
      for (const lane of lanes) lane.cut();
    }
    await streams.finish();
  });

  it("replaces lane and uplink that become black holes at the same time, and its streams continue", {
    timeout: patience(60_000),
  }, async () => {
    proxy ??= await HarmfulProxy.start();
    const ground = await lay({ east: { env: proxy.env } });
    const { edge, east, west } = ground;
    const streams = await ground.server.open(ground.streams, 10, { bytes: 4000, everyMs: 40 });
    await streams.move();
    const { id } = await session(west, "is up", ({ state }) => state === "up");
    for (const direction of FULL ? (["both", "up", "down"] as const) : (["both"] as const)) {
      const before = proxy.open(edge.gatewayUrl);
      for (const tunnel of before) tunnel.freeze(direction);
      const recovery = await streams.move();
      await session(west, "is the first one still", (now) => now.id === id);
      report("black hole", {
        direction: `lane and uplink, ${direction}`,
        "until every stream moves, ms": recovery,
      });
      for (const tunnel of before) tunnel.cut();
      await streams.move();
      await eventually("east has an uplink", async () => {
        const open = proxy.open(edge.gatewayUrl).length > 1;
        return open && (await east.status()).uplink.state === "up";
      });
    }
    // The connector opened another uplink while the old one seemed to be up, long before its silence had ended it.
    await eventually("the replacement is in the log", () =>
      east.log().some(({ msg }) => String(msg).includes("does not answer. Opening another")),
    );
    await streams.finish();
  });
});
