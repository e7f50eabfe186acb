/** Paths that stop carrying anything without a word: no reset, no end, no error. */
import { afterAll, expect, test } from "vitest";
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

/** Silence of 5 s is death; what follows is a round with the registry and a handshake or two. Four times that, ms. */
const BOUND = 4 * (5000 + 500);

/**
 * When the uplink is gone, too: 5 s until the lane is dead, 5 s without an answer to the question for another, 2 to 4 s
 * without a sign of life. Less than its own silence of 45 s in any case, ms.
 */
const BOUND_WITH_UPLINK = 25_000;

test("a lane that becomes a black hole is found dead and replaced by a fresh one, and streams go on", {
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

test("a lane and the uplink that become black holes at the same time cost seconds and no stream", {
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
  // The old one was not waited for: another took its place while it seemed to be up.
  const [replaced] = east.log().filter(({ msg }) => String(msg).includes("does not answer. Opening another"));
  expect(replaced, "the doubt in the log").toBeDefined();
  await streams.finish();
});
