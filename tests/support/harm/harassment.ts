/** Repeated kills of an edge. */
import { setTimeout as sleep } from "node:timers/promises";
import { listNetworks } from "../../../connector/operator/edge-api.ts";
import { timeOf } from "../clock/bound.ts";
import { type Edge, eventually } from "../process/cluster.ts";
import { workerdOf } from "../process/peaks.ts";

export interface Harassment {
  readonly deaths: number;
  /** Longest time from a kill until the edge answered again, ms. */
  readonly longestAway: number;
}

/** Time between two kills, ms. */
const LIFE_MS = 2500;

/**
 * Kills the edge with -9 until `until` (by performance.now(), ms): the whole edge, or workerd alone, which its
 * supervisor restarts.
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
