/**
 * A path with 7 % loss and a round trip of 500 ms. Where the kernel has netem, the test runs itself again in a network
 * namespace with that loopback. Elsewhere a proxy imitates such a path for the connectors' connections.
 */
import { spawnSync } from "node:child_process";
import { afterAll, describe, expect, it } from "vitest";
import { session } from "../support/connector/sessions.ts";
import { clearUp, lay } from "../support/harm/ground.ts";
import { HarmfulProxy } from "../support/harm/harmful-proxy.ts";
import { FULL, patience, SECONDS, SEED } from "../support/harm/scale.ts";
import { ROOT } from "../support/process/cluster.ts";
import { report } from "../support/run/report.ts";

const PERCENT = 7;
/** Round trip, ms. */
const ROUND_TRIP = 500;
const NETEM = `ip link set lo up && tc qdisc add dev lo root netem delay ${ROUND_TRIP / 2}ms loss ${PERCENT}%`;

/** Set in the process inside the namespace. */
const inside = process.env.FAIRLEAD_CHAOS_NETEM === "1";
const netem = !inside && FULL && spawnSync("unshare", ["-n", "sh", "-c", NETEM]).status === 0;

let proxy: HarmfulProxy | undefined;
afterAll(() => proxy?.close());
clearUp();

describe(`Streams over a path with ${PERCENT} % loss and ${ROUND_TRIP} ms`, () => {
  it("arrive whole over a lossy path, also when their lanes are cut", {
    timeout: patience(60_000),
    skip: netem,
  }, async () => {
    proxy = await HarmfulProxy.start();
    const { env } = proxy;
    const ground = await lay({ east: { env }, west: { env } });
    const peaks = ground.watch();
    const badness = { delayMs: ROUND_TRIP / 2, loss: PERCENT / 100, seed: SEED };
    // In the full run the session is opened on the bad path as well.
    if (!inside && FULL) proxy.spoil(badness);
    const begin = performance.now();
    const streams = await ground.server.open(ground.streams, FULL ? 8 : 4, { bytes: 100, everyMs: 250 });
    await streams.move();
    const opened = Math.round(performance.now() - begin);
    const { id } = await session(ground.west, "is up", ({ state }) => state === "up");
    if (!inside) proxy.spoil(badness);
    const first = await streams.move();
    const [, , ...lanes] = proxy.open(ground.edge.gatewayUrl);
    for (const tunnel of lanes) tunnel.cut();
    const second = await streams.move();
    await streams.finish();
    const after = await session(ground.west, "is the first one still", (now) => now.id === id);
    report("loss", {
      by: inside ? "netem" : `imitation, seed ${SEED}`,
      "first streams after ms": opened,
      "until every stream moves, ms": first,
      "the same with the lanes cut, ms": second,
      "bytes checked": streams.bytes,
      "longest silence of a stream, ms": streams.longestSilence,
      "round trip as measured, ms": Math.round(after.rtt ?? 0),
      generation: after.generation,
      "peak MiB": peaks.stop(),
    });
  });

  it("arrive whole in a network namespace with netem", { timeout: 300_000, skip: !netem }, () => {
    const vitest = [process.execPath, "node_modules/vitest/vitest.mjs", "run", "--project", "chaos"];
    const script = `${NETEM} && exec "$@"`;
    const { status, stdout } = spawnSync(
      "unshare",
      ["-n", "sh", "-c", script, "sh", ...vitest, "tests/chaos/loss"],
      {
        cwd: ROOT,
        env: { ...process.env, FAIRLEAD_CHAOS_NETEM: "1", FAIRLEAD_CHAOS_SECONDS: String(SECONDS) },
        encoding: "utf8",
      },
    );
    expect(status, stdout).toBe(0);
  });
});
