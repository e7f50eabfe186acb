/** Paths that become black holes: they carry nothing, without a reset, an end or an error. */
import { afterAll, describe, expect, it } from "vitest";
import { boundOf } from "../support/clock/bound.ts";
import { eventually } from "../support/clock/eventually.ts";
import { session } from "../support/connector/sessions.ts";
import { clearUp, lay } from "../support/harm/ground.ts";
import { HarmfulProxy } from "../support/harm/harmful-proxy.ts";
import { FULL, patience } from "../support/harm/scale.ts";
import { report } from "../support/run/report.ts";

let proxy: HarmfulProxy;
afterAll(() => proxy?.close());
clearUp();

/** Four times 5 s of silence and 500 ms for a request to the registry and the handshakes, ms. */
const BOUND = 4 * (5000 + 500);

/**
 * With the uplink gone as well, ms: 5 s until the lane is dead, 5 s without an answer to the request for another, and 2
 * to 4 s for the liveness probe. Far less than the 45 s after which the uplink alone is dead.
 */
const BOUND_WITH_UPLINK = 25_000;

describe("A session behind a black hole", () => {
  it("replaces a lane that becomes a black hole, and its streams continue", {
    timeout: patience(60_000),
  }, async () => {
    proxy = await HarmfulProxy.start();
    const ground = await lay({ east: { env: proxy.env } });
    const { edge, west } = ground;
    const uplinks = proxy.open(edge.gatewayUrl);
    const streams = await ground.server.open(ground.streams, 20, { bytes: 4000, everyMs: 40 });
    const bound = await boundOf(BOUND, { times: 30, control: () => streams.move() });
    const { id } = await session(west, "is up", ({ state }) => state === "up");

    for (const direction of FULL ? (["both", "up", "down"] as const) : (["both"] as const)) {
      const lanes = proxy.open(edge.gatewayUrl).filter((tunnel) => !uplinks.includes(tunnel));
      expect(lanes.length, "lanes of the session").toBeGreaterThan(0);
      for (const lane of lanes) lane.freeze(direction);
      const recovery = await streams.move(bound);
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
    const bound = await boundOf(BOUND_WITH_UPLINK, { times: 30, control: () => streams.move() });
    const { id } = await session(west, "is up", ({ state }) => state === "up");
    for (const direction of FULL ? (["both", "up", "down"] as const) : (["both"] as const)) {
      const before = proxy.open(edge.gatewayUrl);
      for (const tunnel of before) tunnel.freeze(direction);
      const recovery = await streams.move(bound);
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
    // The connector opened another uplink while the old one seemed to be up.
    const [replaced] = east
      .log()
      .filter(({ msg }) => String(msg).includes("does not answer. Opening another"));
    expect(replaced, "the replacement in the log").toBeDefined();
    await streams.finish();
  });
});
