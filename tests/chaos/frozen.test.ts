/** Processes that are frozen for a while, as on a machine that swaps, is suspended, or migrates. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { onlySession } from "../support/connector/sessions.ts";
import { clearUp, type Ground, lay } from "../support/harm/ground.ts";
import { FULL, lasting, patience } from "../support/harm/scale.ts";
import { workerdOf } from "../support/process/peaks.ts";
import { report } from "../support/run/report.ts";
import { holdsAll, Requests } from "../support/traffic/requests.ts";

clearUp();

/** A freeze that ends before a lane counts as dead, after 5 s of silence, ms. */
const SHORT = 1000;
/** A freeze that outlasts the lanes, ms. */
const LONG = FULL ? 20_000 : 5600;

async function freeze(ground: Ground, who: string, pids: readonly number[], ms: number): Promise<void> {
  const streams = await ground.server.open(ground.streams, 20, { bytes: 4000, everyMs: 40 });
  await streams.move();
  const before = await onlySession(ground.west);
  const requests = new Requests(ground.pages, 5);
  const begin = performance.now();
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  try {
    await sleep(ms);
  } finally {
    for (const pid of pids) process.kill(pid, "SIGCONT");
  }
  const recovery = await streams.move();
  const away = performance.now() - begin;
  await requests.stop();
  await streams.finish();
  // A new client is held for a while; open streams wait longer.
  expect(holdsAll(away) ? requests.failures : requests.impatient).toEqual([]);
  const after = await onlySession(ground.west);
  expect(after.id, "the session").toBe(before.id);
  report("frozen", {
    who,
    "for ms": ms,
    "until every stream moves, ms": recovery,
    "slowest request, ms": requests.slowestMs,
    "new connections given up": requests.failures.length,
    generations: `${before.generation} to ${after.generation}`,
  });
}

describe("A frozen process", () => {
  it("breaks no stream when it thaws, whichever process it is", {
    timeout: patience(lasting(1)),
  }, async () => {
    const ground = await lay();
    const peaks = ground.watch();
    const { west, east, edge } = ground;
    if (FULL) await freeze(ground, "connector of the servers", [east.process.pid], SHORT);
    await freeze(ground, "connector of the servers", [east.process.pid], LONG);
    if (FULL) await freeze(ground, "connector of the clients", [west.process.pid], LONG);
    await freeze(ground, "workerd", workerdOf(edge), FULL ? LONG : SHORT);
    report("frozen", { "peak MiB": peaks.stop() });
  });
});
