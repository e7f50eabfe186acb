/** Streams whose readers stall, in both directions, beside streams at full speed in the same session. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/clock/eventually.ts";
import { clearUp, lay } from "../support/harm/ground.ts";
import { FULL, lasting, patience } from "../support/harm/scale.ts";
import { report } from "../support/run/report.ts";
import type { CheckedStreams } from "../support/traffic/streams.ts";

clearUp();

const NEIGHBOURS = 4;
const STALLED = 4;
const DURATION = FULL ? 60_000 : lasting(0.12);
/** Bytes that all neighbours together must transfer, also on a busy machine. */
const LEAST = 4 * 2 ** 20;
/** Bound on the bytes in flight of one stalled direction: socket buffers at both ends and the largest window. */
const IN_FLIGHT = 64 * 2 ** 20;
/** Bound on the memory of a process, MiB. */
const BOUND = 900;

/** Measures bytes per second for `ms`. */
async function speed(streams: CheckedStreams, ms: number): Promise<number> {
  const [before, begin] = [streams.bytes, performance.now()];
  await sleep(ms);
  return ((streams.bytes - before) / (performance.now() - begin)) * 1000;
}

describe("A stalled reader", () => {
  it("does not slow its neighbours down or take much memory, and gets every byte in the end", {
    timeout: patience(DURATION),
  }, async () => {
    const ground = await lay();
    const peaks = ground.watch();
    const neighbours = await ground.server.open(ground.streams, NEIGHBOURS, { bytes: 64 * 1024 });
    await neighbours.move();
    const alone = await speed(neighbours, Math.min(DURATION, 10_000));

    const stalled = await ground.server.open(ground.streams, STALLED, { bytes: 64 * 1024 });
    for (const { client, server } of stalled.all) {
      client.socket.pause();
      server.socket.pause();
    }
    const mark = neighbours.bytes;
    const beside = await speed(neighbours, DURATION);
    await eventually("the neighbours get through", () => neighbours.bytes - mark > LEAST);
    expect(neighbours.failures).toEqual([]);
    for (const { client, server } of stalled.all) {
      expect(client.sent - server.received, `in flight from ${client.name}`).toBeLessThan(IN_FLIGHT);
      expect(server.sent - client.received, `in flight from ${server.name}`).toBeLessThan(IN_FLIGHT);
    }
    const held = Math.max(...stalled.all.map(({ client, server }) => client.sent - server.received));

    for (const { client, server } of stalled.all) {
      client.socket.resume();
      server.socket.resume();
    }
    await stalled.move();
    await Promise.all([stalled.finish(), neighbours.finish()]);
    const memory = peaks.stop();
    report("stalled reader", {
      "stalled for ms": DURATION,
      "neighbours alone, MiB/s": Math.round(alone / 2 ** 20),
      "beside, MiB/s": Math.round(beside / 2 ** 20),
      ratio: (beside / alone).toFixed(2),
      "most in flight of a stalled stream, KiB": Math.round(held / 1024),
      "peak MiB": memory,
    });
    for (const [role, peak] of Object.entries(memory))
      expect(peak, `peak of ${role}, MiB`).toBeLessThan(BOUND);
  });
});
