/**
 * The cost of telemetry: the same traffic over the same connectors with telemetry on and off in turn, in slices. Two
 * pairs of connectors would differ by more than telemetry costs.
 */
import type { Ground } from "../ground.ts";
import { cpuOfAll } from "../processes.ts";
import { ratio } from "../statistics.ts";
import type { System } from "../systems/system.ts";
import { bulk } from "./bulk.ts";
import type { Measure } from "./measure.ts";
import { requests, warmUp } from "./requests.ts";

const CONNECTIONS = 100;

/** Slices with telemetry on and off, such that drift touches both alike. */
const SLICES = [true, false, false, true] as const;

/** What one slice did: its rate, and the work that its CPU time was spent for. */
interface Slice {
  readonly rate: number;
  readonly work: number;
}

function measure(
  id: string,
  title: string,
  service: "web" | "http" | null,
  slice: (system: System, ground: Ground) => Promise<Slice>,
): Measure {
  return {
    id: `telemetry-${id}`,
    title: `telemetry on ÷ off, ${title}`,
    metrics: [
      { key: "share", title: "", unit: "×", better: "higher" },
      { key: "cpu", title: "CPU time", unit: "×", better: "lower" },
    ],
    on: ({ setTelemetry }) => setTelemetry !== undefined,
    prepare: async (system, ground) => {
      if (service !== null) await warmUp(system, ground, service);
    },
    async run(system, ground) {
      const sums = { on: { rate: 0, work: 0, cpu: 0 }, off: { rate: 0, work: 0, cpu: 0 } };
      try {
        for (const isOn of SLICES) {
          await system.setTelemetry?.(isOn);
          const sum = sums[isOn ? "on" : "off"];
          const before = await cpuOfAll(system.parts);
          const { rate, work } = await slice(system, ground);
          sum.rate += rate;
          sum.work += work;
          sum.cpu += (await cpuOfAll(system.parts)) - before;
        }
      } finally {
        await system.setTelemetry?.(true);
      }
      const { on, off } = sums;
      const cpu = ratio(on.cpu / on.work, off.cpu / off.work);
      return { figures: { share: on.rate / off.rate, ...(cpu === null ? {} : { cpu }) } };
    },
  };
}

const requestSlice = (service: "web" | "http") => async (system: System, ground: Ground) => {
  const result = await requests(system, ground, { service, connections: CONNECTIONS, ms: ground.ms });
  if (result.errors > 0) throw new Error(`${result.errors} requests failed.`);
  return { rate: result.perSecond, work: result.requests };
};

const bulkSlice = async (system: System, ground: Ground) => {
  const { bitsPerSecond, bytes } = await bulk(system, ground, {
    ...{ streams: 1, direction: "down", ms: ground.ms },
  });
  return { rate: bitsPerSecond, work: bytes };
};

export const TELEMETRY: readonly Measure[] = [
  measure("requests", `HTTP, ${CONNECTIONS} connections`, "web", requestSlice("web")),
  measure("http", `HTTP by request, ${CONNECTIONS} connections`, "http", requestSlice("http")),
  measure("bulk", "bulk, 1 stream, server to client", null, bulkSlice),
];
