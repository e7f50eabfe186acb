/** Kills an edge over and over. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Edge } from "../../support/cluster.ts";
import { workerdOf } from "./peaks.ts";

/** Between two deaths, ms. */
const LIFE_MS = 2500;

/**
 * Kills the edge with -9 again and again, the whole of it, or workerd alone, which its supervisor then restarts, until
 * `until` (by performance.now(), ms). Returns how often.
 */
export async function harass(edge: Edge, until: number): Promise<number> {
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
