/** HTTP requests that are balanced one by one, and their cost beside requests in the bytes of a connection. */
import type { Ground } from "../ground.ts";
import type { System } from "../systems/system.ts";
import type { Measure } from "./measure.ts";
import { requests } from "./requests.ts";

const BY_REQUEST: readonly Measure[] = [1, 10, 100].map((connections) => ({
  id: `http-${connections}`,
  title: `HTTP by request, ${connections} connection${connections === 1 ? "" : "s"}`,
  metrics: [
    { key: "perSecond", title: "", unit: "requests/s", better: "higher" },
    { key: "p50", title: "p50", unit: "ms", better: "lower" },
    { key: "p99", title: "p99", unit: "ms", better: "lower" },
  ] as const,
  work: "10,000 requests" as const,
  async run(system: System, ground: Ground) {
    const result = await requests(system, ground, { service: "http", connections, ms: ground.ms });
    if (result.errors > 0) throw new Error(`${result.errors} requests failed.`);
    const { perSecond, p50, p99 } = result;
    return {
      figures: { perSecond, p50, p99 },
      work: { unit: "10,000 requests", amount: result.requests / 10_000 } as const,
    };
  },
}));

const SHARE_CONNECTIONS = 10;

/** Both kinds of service in turn, in slices, so that both have the same disturbances. */
const SHARE: Measure = {
  id: "http-tcp",
  title: `HTTP by request ÷ by connection, ${SHARE_CONNECTIONS} connections`,
  metrics: [{ key: "share", title: "", unit: "×", better: "higher" }],
  on: (system: System) => system.parts.some(({ name }) => name === "workerd"),
  async run(system: System, ground: Ground) {
    const counts = { web: 0, http: 0 };
    for (const service of ["web", "http", "http", "web"] as const) {
      const options = { service, connections: SHARE_CONNECTIONS, ms: ground.ms / 2 };
      const { perSecond, errors } = await requests(system, ground, options);
      if (errors > 0) throw new Error(`${errors} requests failed.`);
      counts[service] += perSecond;
    }
    return { figures: { share: counts.http / counts.web } };
  },
};

export const EXCHANGES: readonly Measure[] = [...BY_REQUEST, SHARE];
