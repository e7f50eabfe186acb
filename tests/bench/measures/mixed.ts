/** Sequential small requests, alone and beside a bulk transfer in the same direction. */
import { bulk } from "./bulk.ts";
import type { Measure } from "./measure.ts";
import { requests } from "./requests.ts";

/** Time for which the transfer runs before and after the requests. */
const MARGIN_MS = 2000;

export const MIXED: Measure = {
  id: "mixed",
  title: "small requests during bulk",
  metrics: [
    { key: "times", title: "p99 against unloaded", unit: "×", better: "lower" },
    { key: "loaded", title: "p99", unit: "ms", better: "lower" },
    { key: "unloaded", title: "p99 unloaded", unit: "ms", better: "lower" },
    { key: "rate", title: "the bulk meanwhile", unit: "Gb/s", better: "higher", scale: 1e9 },
  ],
  async run(system, ground) {
    const quiet = await requests(system, ground, { connections: 1, ms: ground.ms });
    const transfer = bulk(system, ground, { streams: 1, direction: "down", ms: ground.ms + MARGIN_MS });
    transfer.catch(() => {});
    await new Promise((done) => setTimeout(done, MARGIN_MS));
    const busy = await requests(system, ground, { connections: 1, ms: ground.ms });
    const { bitsPerSecond } = await transfer;
    if (quiet.errors + busy.errors > 0) throw new Error(`${quiet.errors + busy.errors} requests failed.`);
    return {
      figures: {
        times: busy.p99 / quiet.p99,
        loaded: busy.p99,
        unloaded: quiet.p99,
        rate: bitsPerSecond,
      },
    };
  },
};
