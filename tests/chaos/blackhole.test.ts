/** Paths that stop carrying anything without a word: no reset, no end, no error. */
import { afterAll, expect, test } from "vitest";
import { clearUp, lay } from "./support/ground.ts";
import { HarmfulProxy } from "./support/proxy.ts";
import { report } from "./support/report.ts";
import { FULL, patience } from "./support/scale.ts";
import { session } from "./support/sessions.ts";

let proxy: HarmfulProxy;
afterAll(() => proxy?.close());
clearUp();

/** Silence of 5 s is death; what follows is a round with the registry and a handshake or two. Four times that, ms. */
const BOUND = 4 * (5000 + 500);

test("a lane that becomes a black hole is found dead and replaced by a fresh one, and streams go on", {
  timeout: patience(60_000),
}, async () => {
  proxy = await HarmfulProxy.start();
  const ground = await lay({ east: { env: proxy.env } });
  const { edge, west } = ground;
  const uplinks = proxy.open(edge.linksUrl);
  const streams = await ground.server.open(ground.streams, 20, { bytes: 4000, everyMs: 40 });
  await streams.move();
  const { id } = await session(west, "is up", ({ state }) => state === "up");

  for (const direction of FULL ? (["both", "up", "down"] as const) : (["both"] as const)) {
    const lanes = proxy.open(edge.linksUrl).filter((tunnel) => !uplinks.includes(tunnel));
    expect(lanes.length, "lanes of the session").toBeGreaterThan(0);
    for (const lane of lanes) lane.freeze(direction);
    const recovery = await streams.move(BOUND);
    const fresh = proxy
      .open(edge.linksUrl)
      .filter((each) => !uplinks.includes(each) && !lanes.includes(each));
    expect(fresh.length, "new lanes").toBeGreaterThan(0);
    const { generation } = await session(west, "is the first one still", (now) => now.id === id);
    report("black hole", { direction, "until every stream moves, ms": recovery, generation });
    for (const lane of lanes) lane.cut();
  }
  await streams.finish();
});

test("an uplink that becomes a black hole harms no stream, nor does a lane that does so at the same time", {
  timeout: patience(60_000),
  skip: !FULL,
}, async () => {
  const ground = await lay({ east: { env: proxy.env } });
  const streams = await ground.server.open(ground.streams, 10, { bytes: 4000, everyMs: 40 });
  await streams.move();
  const { id } = await session(ground.west, "is up", ({ state }) => state === "up");
  for (const tunnel of proxy.open(ground.edge.linksUrl)) tunnel.freeze();
  const recovery = await streams.move();
  await session(ground.west, "is the first one still", (now) => now.id === id);
  report("black hole", { direction: "lane and uplink", "until every stream moves, ms": recovery });
  await streams.finish();
});
