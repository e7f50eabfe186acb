/** The contents of the tables of what each process uses per unit of work. */
import type { Work } from "../measures/measure.ts";
import { cpuRatioOf, cpuSeconds, type Results, seriesOf, usageOf } from "../results.ts";
import type { SystemId } from "../systems/system.ts";
import type { Usage } from "../usage/usage.ts";
import { number, SHORT, type Table } from "./rows.ts";

type PartUsage = Usage & { readonly part: string };

/** Returns the unit of CPU time per unit of work: seconds a gigabyte, or microseconds a request. */
function cpuUnit(unit: Work["unit"]): { readonly name: string; readonly seconds: number } {
  return unit === "GB" ? { name: "s/GB", seconds: 1 } : { name: `µs/${unit}`, seconds: 1e-6 };
}

/** Makes the table of CPU time, with the ratios to another build if there is one. */
export function cpuTable(results: Results): Table {
  const rows = usages(results).flatMap(({ measure, title, unit, system, parts }) => {
    const { name, seconds } = cpuUnit(unit);
    const each = parts.map(
      (used) => `${used.part} ${number(used.user / seconds)} + ${number(used.system / seconds)}`,
    );
    const row = [title, SHORT[system], number(cpuSeconds(parts) / seconds), name, each.join(", ")];
    const ratio = system === "other" ? cpuRatioOf(results, measure, "fairlead", "other") : null;
    if (ratio === null) return [row];
    const ratios = parts.map(({ part }) => {
      const own = cpuRatioOf(results, measure, "fairlead", "other", part);
      return `${part} ${number(own ?? Number.NaN)}`;
    });
    return [row, [title, `÷ ${SHORT.other}`, number(ratio), "×", ratios.join(", ")]];
  });
  return { heading: ["CPU time", "", "all", "", "each: user + system"], rows, grouped: true };
}

/** Makes the table of system calls, turns and context switches, of each process in the order of the path. */
export function kernelTable(results: Results): Table {
  return {
    heading: ["each process", "", "per", "system calls", "loop turns", "switches: waited", "preempted"],
    rows: usages(results).map(({ measure, title, unit, system, parts }) => {
      const calls = seriesOf(results, measure, system)?.calls ?? {};
      const each = (of: (used: PartUsage) => number | null) => {
        const values = parts.map(of);
        return values.every((value) => value === null) ? "" : values.map(compact).join("/");
      };
      return [
        title,
        SHORT[system],
        unit,
        each(({ part }) => calls[part] ?? null),
        each(({ turns }) => turns),
        each(({ voluntary }) => voluntary),
        each(({ involuntary }) => involuntary),
      ];
    }),
    grouped: true,
  };
}

/** Returns what was used, for each measure and system with such figures. */
function usages(results: Results) {
  return results.measures.flatMap(({ id, title, work }) =>
    results.systems.flatMap(({ id: system }: { id: SystemId }) => {
      const parts = usageOf(results, id, system);
      return work === null || parts.length === 0 ? [] : [{ measure: id, title, unit: work, system, parts }];
    }),
  );
}

/** Formats a count with three significant digits, thousands with a k. */
function compact(value: number | null): string {
  if (value === null) return "–";
  return value < 1000 ? number(value) : `${number(value / 1000)}k`;
}
