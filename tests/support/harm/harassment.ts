/** Kills an edge over and over. */
import { setTimeout as sleep } from "node:timers/promises";
import { listNetworks } from "../../../connector/operator/edge-api.ts";
import { timeOf } from "../clock/bound.ts";
import { type Edge, eventually } from "../process/cluster.ts";
import { workerdOf } from "../process/peaks.ts";

export interface Harassment {
  readonly deaths: number;
  /** From a death until the edge answered again, ms. */
  readonly longestAway: number;
}

/** Between two deaths, ms. */
const LIFE_MS = 2500;

/**
 * Kills the edge with -9 again and again, the whole of it, or workerd alone, which its supervisor then restarts, until
 * `until` (by performance.now(), ms).
 */
export async function harass(edge: Edge, until: number): Promise<Harassment> {
  let deaths = 0;
  let longestAway = 0;
  for (; performance.now() < until; deaths++) {
    await sleep(LIFE_MS);
    const away = await timeOf(async () => {
      for (const pid of workerdOf(edge)) process.kill(pid, "SIGKILL");
      if (deaths % 3 !== 2) {
        await edge.kill9();
        await edge.restart();
      } else await eventually("workerd is back", () => listNetworks(edge.client));
    });
    longestAway = Math.max(longestAway, away);
  }
  return { deaths, longestAway: Math.round(longestAway) };
}
