/**
 * HTTP requests that are balanced one by one, their cost beside requests in the bytes of a connection, and the cost of
 * the observer that reads these bytes.
 */
import type { Ground } from "../ground.ts";
import { cpuOfAll } from "../processes.ts";
import { ratio } from "../statistics.ts";
import type { System } from "../systems/system.ts";
import type { Measure } from "./measure.ts";
import { requests, servesRequests, warmUp } from "./requests.ts";

const BY_REQUEST: readonly Measure[] = [1, 10, 100].map((connections) => ({
  id: `http-${connections}`,
  title: `HTTP by request, ${connections} connection${connections === 1 ? "" : "s"}`,
  metrics: [
    { key: "perSecond", title: "", unit: "requests/s", better: "higher" },
    { key: "p50", title: "p50", unit: "ms", better: "lower" },
    { key: "p99", title: "p99", unit: "ms", better: "lower" },
  ] as const,
  work: "request" as const,
  on: servesRequests,
  prepare: (system: System, ground: Ground) => warmUp(system, ground, "http"),
  async run(system: System, ground: Ground) {
    const result = await requests(system, ground, { service: "http", connections, ms: ground.ms });
    if (result.errors > 0) throw new Error(`${result.errors} requests failed.`);
    const { perSecond, p50, p99 } = result;
    return {
      figures: { perSecond, p50, p99 },
      work: { unit: "request", amount: result.requests } as const,
    };
  },
}));

const SHARE_CONNECTIONS = 10;

/** Both kinds of service in turn, in slices, so that both have the same disturbances. */
const SHARE: Measure = {
  id: "http-tcp",
  title: `HTTP by request ÷ by connection, ${SHARE_CONNECTIONS} connections`,
  metrics: [{ key: "share", title: "", unit: "×", better: "higher" }],
  on: (system: System) => system.features?.has("requests") === true,
  prepare: (system: System, ground: Ground) => warmUp(system, ground, "web", "http"),
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

/** An observed service and one that is not, in turn, in slices. */
const OBSERVER: Measure = {
  id: "observer",
  title: `HTTP, observed ÷ not observed, ${SHARE_CONNECTIONS} connections`,
  metrics: [
    { key: "share", title: "", unit: "×", better: "higher" },
    { key: "cpu", title: "CPU time", unit: "×", better: "lower" },
  ],
  on: (system: System) => system.features?.has("observers") === true,
  prepare: (system: System, ground: Ground) => warmUp(system, ground, "web", "plain"),
  async run(system: System, ground: Ground) {
    const sums = { web: { perSecond: 0, requests: 0, cpu: 0 }, plain: { perSecond: 0, requests: 0, cpu: 0 } };
    for (const service of ["web", "plain", "plain", "web"] as const) {
      const sum = sums[service];
      const before = await cpuOfAll(system.parts);
      const options = { service, connections: SHARE_CONNECTIONS, ms: ground.ms / 2 };
      const { perSecond, requests: count, errors } = await requests(system, ground, options);
      if (errors > 0) throw new Error(`${errors} requests failed.`);
      sum.perSecond += perSecond;
      sum.requests += count;
      sum.cpu += (await cpuOfAll(system.parts)) - before;
    }
    const { web, plain } = sums;
    const cpu = ratio(web.cpu / web.requests, plain.cpu / plain.requests);
    return { figures: { share: web.perSecond / plain.perSecond, ...(cpu === null ? {} : { cpu }) } };
  },
};

export const EXCHANGES: readonly Measure[] = [...BY_REQUEST, SHARE, OBSERVER];
