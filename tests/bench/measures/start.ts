/** Start-up and memory at rest of Fairlead. */
import type { Measure, Metric } from "./measure.ts";

const MIB = 1024 * 1024;

const seconds = (key: string, title: string): Metric => ({ key, title, unit: "s", better: "lower" });
const memory = (key: string, title: string): Metric => ({
  ...{ key, title, unit: "MiB", better: "lower", scale: MIB },
});

export const START: Measure = {
  id: "start",
  title: "at rest",
  metrics: [
    seconds("status", "`fairlead status`"),
    seconds("statusCpu", "`fairlead status`, CPU time"),
    seconds("uplink", "a connector starts, until its uplink"),
    seconds("uplinkCpu", "a connector starts, CPU time"),
    memory("connector", "memory of a connector"),
    memory("front", "memory of the edge's front"),
    memory("workerd", "memory of the edge's workerd"),
  ],
  on: (system) => system.startUp !== undefined,
  async run(system) {
    if (system.startUp === undefined) throw new TypeError("The system has no start-up to measure.");
    return { figures: await system.startUp() };
  },
};
