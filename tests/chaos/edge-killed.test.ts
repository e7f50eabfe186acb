/** The edge dies over and over under load; nobody who uses a service may notice more than a pause. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Edge } from "../support/cluster.ts";
import { clearUp, lay } from "./support/ground.ts";
import { workerdOf } from "./support/peaks.ts";
import { report } from "./support/report.ts";
import { downloadHash, downloadThrough, Requests } from "./support/requests.ts";
import { FULL, lasting, patience } from "./support/scale.ts";
import { session } from "./support/sessions.ts";

clearUp();

const STREAMS = 100;
const REQUESTS_PER_SECOND = 50;
/** ms */
const DURATION = lasting(FULL ? 1 : 0.75);
const DOWNLOAD = FULL ? 2 ** 30 : 48 * 2 ** 20;
/** Between two deaths, ms. */
const LIFE_MS = 2500;

/** Most that a process may hold, MiB. What is expected is a fraction of it. */
const BOUND = 700;

/** Kills the edge with -9 again and again: the whole of it, or workerd alone, which its supervisor then restarts. */
async function harass(edge: Edge, until: number): Promise<number> {
  let deaths = 0;
  for (; performance.now() < until; deaths++) {
    await sleep(LIFE_MS);
    for (const pid of workerdOf(edge)) process.kill(pid, "SIGKILL");
    if (deaths % 3 === 2) continue;
    await edge.kill9();
    await edge.restart();
  }
  return deaths;
}

test(`the edge, killed with -9 every few seconds for ${DURATION / 1000} s, breaks no stream, no byte and no request`, {
  timeout: patience(DURATION),
}, async () => {
  const ground = await lay();
  const peaks = ground.watch();
  const streams = await ground.server.open(ground.streams, STREAMS, { bytes: 2000, everyMs: 50 });
  const { id } = await session(ground.west, "is up", ({ state }) => state === "up");
  const requests = new Requests(ground.pages, REQUESTS_PER_SECOND);
  const download = downloadThrough(ground.pages, DOWNLOAD, (DURATION / 1000) * 0.8);
  download.catch(() => {});

  const deaths = await harass(ground.edge, performance.now() + DURATION);
  const recovery = await streams.move();
  expect(await download, "SHA-256 of the download").toBe(downloadHash(DOWNLOAD));
  await requests.stop();
  expect(requests.failures, `of ${requests.asked} requests`).toEqual([]);
  await streams.finish();

  const line = await session(ground.west, "is the first one still", (now) => now.id === id);
  const memory = peaks.stop();
  report("edge killed", {
    deaths,
    streams: STREAMS,
    "bytes checked": streams.bytes,
    "longest silence of a stream, ms": streams.longestSilence,
    "last recovery, ms": recovery,
    requests: requests.answered,
    "slowest request, ms": requests.slowestMs,
    "downloaded, MiB": DOWNLOAD / 2 ** 20,
    generation: line.generation,
    "peak MiB": memory,
  });
  expect(requests.answered).toBe(requests.asked);
  for (const [role, peak] of Object.entries(memory)) expect(peak, `peak of ${role}, MiB`).toBeLessThan(BOUND);
});
