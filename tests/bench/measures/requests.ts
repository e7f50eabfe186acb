/** HTTP requests over kept-alive connections. */
import { ownRequests } from "../clients/http.ts";
import { wrkRequests } from "../clients/wrk.ts";
import type { Ground } from "../ground.ts";
import type { System } from "../systems/system.ts";
import type { Measure, Requests } from "./measure.ts";

export const REQUESTS: readonly Measure[] = [1, 10, 100].map((connections) => ({
  id: `requests-${connections}`,
  title: `HTTP, ${connections} connection${connections === 1 ? "" : "s"}`,
  metrics: [
    { key: "perSecond", title: "", unit: "requests/s", better: "higher" },
    { key: "p50", title: "p50", unit: "ms", better: "lower" },
    { key: "p99", title: "p99", unit: "ms", better: "lower" },
    { key: "p999", title: "p99.9", unit: "ms", better: "lower" },
  ] as const,
  work: "request" as const,
  prepare: (system: System, ground: Ground) => warmUp(system, ground, "web"),
  async run(system: System, ground: Ground) {
    const result = await requests(system, ground, { connections, ms: ground.ms });
    if (result.errors > 0) throw new Error(`${result.errors} requests failed.`);
    const { perSecond, p50, p99, p999 } = result;
    return {
      figures: { perSecond, p50, p99, p999 },
      work: { unit: "request", amount: result.requests } as const,
    };
  },
}));

/** Whether the requests of a service can be balanced one by one. Other systems than Fairlead proxy them. */
export function servesRequests({ features }: System): boolean {
  return features === undefined || features.has("requests");
}

export interface RequestsOptions {
  readonly service?: "web" | "plain" | "http";
  readonly connections: number;
  readonly ms: number;
}

/** Connections and time of the warm-up, in which Node compiles what is run often. */
const WARM_UP = { connections: 10, ms: 2000 };

/** Services that were warmed up, of each system. */
const warm = new WeakMap<System, Set<string>>();

/** Warms up services of a system, each once. The services of a system share little of what is compiled. */
export async function warmUp(
  system: System,
  ground: Ground,
  ...services: readonly NonNullable<RequestsOptions["service"]>[]
): Promise<void> {
  const known = warm.get(system) ?? new Set();
  warm.set(system, known);
  for (const service of services) {
    if (known.has(service)) continue;
    known.add(service);
    await requests(system, ground, { service, ...WARM_UP });
  }
}

/** Sends requests over `connections` connections for `ms`, one at a time on each. */
export async function requests(
  system: System,
  ground: Ground,
  { service = "web", connections, ms }: RequestsOptions,
): Promise<Requests> {
  const { host, port } = system.at[service];
  const { wrk } = ground.tools;
  const to = { host, port };
  if (wrk === null) return await ownRequests(to, connections, ms);
  return await wrkRequests(ground, wrk, to, { connections, ms });
}
