/** CPU time and memory of processes, from /proc. */

import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Part } from "./systems/system.ts";

/** The fields after the name: that may have blanks and brackets in it. */
export function parseStat(text: string): { parent: number; name: string; ticks: number } {
  const from = text.indexOf("(");
  const to = text.lastIndexOf(")");
  const fields = text.slice(to + 2).split(" ");
  return {
    name: text.slice(from + 1, to),
    parent: Number(fields[1]),
    ticks: Number(fields[11]) + Number(fields[12]),
  };
}

let ticksPerSecond: Promise<number> | undefined;

/**
 * CPU seconds so far, by part, each with its descendants; those named workerd count as a part of their own,
 * and what else the edge's process does is small and left with it.
 */
export async function cpuSeconds(parts: readonly Part[]): Promise<Map<string, number>> {
  ticksPerSecond ??= promisify(execFile)("getconf", ["CLK_TCK"]).then(({ stdout }) => Number(stdout));
  const perSecond = await ticksPerSecond;
  const stats = new Map<number, ReturnType<typeof parseStat>>();
  const children = new Map<number, number[]>();
  for (const entry of await readdir("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    // A process may end between the two looks.
    const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
    if (text === null) continue;
    const stat = parseStat(text);
    stats.set(pid, stat);
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), pid]);
  }
  const seconds = new Map<string, number>();
  for (const part of parts) {
    const rest = [part.pid];
    for (let pid = rest.pop(); pid !== undefined; pid = rest.pop()) {
      const stat = stats.get(pid);
      rest.push(...(children.get(pid) ?? []));
      seconds.set(part.name, (seconds.get(part.name) ?? 0) + (stat?.ticks ?? 0) / perSecond);
    }
  }
  return seconds;
}

/** Resident memory in bytes, of the process alone. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

/** The most descriptors that this process and its children may have, raised to `wanted` where that is allowed. */
export async function raiseDescriptors(wanted: number): Promise<number> {
  const limit = async () => {
    const line = /^Max open files\s+(\S+)\s+(\S+)/m.exec(await readFile("/proc/self/limits", "utf8"));
    return line?.[1] === "unlimited" ? Number.POSITIVE_INFINITY : Number(line?.[1] ?? 0);
  };
  const now = await limit();
  if (now >= wanted) return now;
  await promisify(execFile)("prlimit", ["--pid", String(process.pid), `--nofile=${wanted}:${wanted}`]).catch(
    () => {},
  );
  return await limit();
}
