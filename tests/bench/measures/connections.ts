/** New connections with one request each, ten at a time. */
import { newConnections } from "../clients/http.ts";
import { wrkRequests } from "../clients/wrk.ts";
import type { Ground } from "../ground.ts";
import type { System } from "../systems/system.ts";
import type { Measure, Requests } from "./measure.ts";

const PARALLEL = 10;

/**
 * Time of the warm-up of Fairlead, ms. The first connections of a connector take twice the CPU time, until V8 has compiled
 * what they run: after some 15,000 (Node 24.21, November 2026).
 */
const WARM_UP_MS = 8000;

/** The systems that are warm. */
const warm = new WeakSet<System>();

export const CONNECTIONS: Measure = {
  id: "connections",
  title: `new connections, ${PARALLEL} at a time`,
  metrics: [
    { key: "perSecond", title: "", unit: "connections/s", better: "higher" },
    { key: "p50", title: "p50", unit: "ms", better: "lower" },
    { key: "p99", title: "p99", unit: "ms", better: "lower" },
  ],
  work: "connection",
  async prepare(system, ground) {
    // The other systems are compiled already.
    if (system.features === undefined || warm.has(system)) return;
    warm.add(system);
    await connections(system, ground, WARM_UP_MS);
  },
  async run(system, ground) {
    const { requests, perSecond, p50, p99, errors } = await connections(system, ground, ground.ms);
    if (errors > 0) throw new Error(`${errors} connections failed.`);
    return { figures: { perSecond, p50, p99 }, work: { unit: "connection", amount: requests } };
  },
};

/** With wrk, which takes a tenth of the CPU time of the bench's own client: most of it is left for the system. */
async function connections(system: System, ground: Ground, ms: number): Promise<Requests> {
  const { wrk } = ground.tools;
  if (wrk === null) return await newConnections(system.at.web, PARALLEL, ms);
  return await wrkRequests(ground, wrk, system.at.web, { connections: PARALLEL, ms, isFresh: true });
}
