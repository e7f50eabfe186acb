/** The CPU time of the Worker's paths, as shares of the free plan's limit. */
import { FREE_CPU_MS } from "../../../connector/operator/cost/prices.ts";
import { number, type Table } from "../report/rows.ts";
import { markdown, plain } from "../report/text.ts";
import type { CpuResult } from "./cpu.ts";

const share = (ms: number) => `${number((ms / FREE_CPU_MS) * 100)} %`;

export function cpuPathTable(result: CpuResult): Table {
  return {
    heading: ["path", "ms of CPU", "of the limit", "the first: median", "the first: most"],
    rows: result.paths.map(({ title, warm, first }) => [
      title,
      number(warm),
      share(warm),
      first === null ? "" : share(first.median),
      first === null ? "" : share(first.most),
    ]),
  };
}

const conditions = ({ machine, rounds, load }: CpuResult) =>
  `${machine.cores} cores (${machine.cpu}), Linux ${machine.kernel}, Node ${machine.node}; ${rounds} ${rounds === 1 ? "edge" : "edges"}, one after another; load ${load[0].toFixed(1)} at the start and ${load[1].toFixed(1)} at the end.`;

/** For the terminal. */
export function cpuReport(result: CpuResult): string {
  return [plain(cpuPathTable(result)), conditions(result)].join("\n\n");
}

/** For a page of docs/. */
export function cpuText(result: CpuResult): string {
  return [
    `Measured on ${result.started.slice(0, 10)} on ${conditions(result)}`,
    markdown(cpuPathTable(result)),
  ].join("\n\n");
}
