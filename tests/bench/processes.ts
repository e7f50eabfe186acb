/** CPU time and memory of processes, from /proc. */

import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Part } from "./systems/system.ts";

/** A snapshot of a process, from /proc. */
export interface Stat {
  readonly parent: number;
  readonly name: string;
  /** CPU time outside and inside of the kernel, in {@link ticksPerSecond}. */
  readonly user: number;
  readonly system: number;
  /** CPU time of its children that ended. */
  readonly reaped: number;
}

/** Parses `/proc/PID/stat`, whose second field is the name, which may have blanks and parentheses. */
export function parseStat(text: string): Stat {
  const from = text.indexOf("(");
  const to = text.lastIndexOf(")");
  const fields = text.slice(to + 2).split(" ");
  return {
    name: text.slice(from + 1, to),
    parent: Number(fields[1]),
    user: Number(fields[11]),
    system: Number(fields[12]),
    reaped: Number(fields[13]) + Number(fields[14]),
  };
}

let clockTicks: Promise<number> | undefined;

/** Reads every process by its pid, and the pids of its children. */
export async function processTree(): Promise<{ stats: Map<number, Stat>; children: Map<number, number[]> }> {
  const stats = new Map<number, Stat>();
  const children = new Map<number, number[]>();
  for (const entry of await readdir("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    // A process may exit between the two reads.
    const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
    if (text === null) continue;
    const stat = parseStat(text);
    stats.set(pid, stat);
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), pid]);
  }
  return { stats, children };
}

/** Returns a process and its descendants. */
export function* descent(pid: number, children: ReadonlyMap<number, readonly number[]>): Generator<number> {
  yield pid;
  for (const child of children.get(pid) ?? []) yield* descent(child, children);
}

/** Returns the kernel's ticks per second of CPU time. */
export async function ticksPerSecond(): Promise<number> {
  clockTicks ??= promisify(execFile)("getconf", ["CLK_TCK"]).then(({ stdout }) => Number(stdout));
  return await clockTicks;
}

function ticksOf(stat: Stat | undefined): number {
  return stat === undefined ? 0 : stat.user + stat.system;
}

/** Returns the CPU seconds of each part, with its descendants. */
export async function cpuSeconds(parts: readonly Part[]): Promise<Map<string, number>> {
  const perSecond = await ticksPerSecond();
  const { stats, children } = await processTree();
  const seconds = new Map<string, number>();
  for (const { name, pid: root } of parts) {
    for (const pid of descent(root, children)) {
      seconds.set(name, (seconds.get(name) ?? 0) + ticksOf(stats.get(pid)) / perSecond);
    }
  }
  return seconds;
}

/** Returns the CPU seconds of all parts together. */
export async function cpuOfAll(parts: readonly Part[]): Promise<number> {
  let sum = 0;
  for (const seconds of (await cpuSeconds(parts)).values()) sum += seconds;
  return sum;
}

/** Returns the CPU seconds of the children of this process that ended. */
export async function reapedSeconds(): Promise<number> {
  return parseStat(await readFile("/proc/self/stat", "utf8")).reaped / (await ticksPerSecond());
}

/** Returns the CPU seconds of an edge: of workerd, and of its other processes. */
export async function edgeCpuSeconds(root: number): Promise<{ workerd: number; front: number }> {
  const perSecond = await ticksPerSecond();
  const { stats, children } = await processTree();
  const seconds = { workerd: 0, front: 0 };
  for (const pid of descent(root, children)) {
    const stat = stats.get(pid);
    seconds[stat?.name === "workerd" ? "workerd" : "front"] += ticksOf(stat) / perSecond;
  }
  return seconds;
}

/**
 * Returns the CPU time of the workerd below an edge's process, ms. The kernel's own count of each thread is finer than
 * the ticks of `stat`, so that a single request can be measured.
 */
export async function workerdCpuMs(root: number): Promise<number> {
  const { stats, children } = await processTree();
  let nanoseconds = 0;
  for (const pid of descent(root, children)) {
    if (stats.get(pid)?.name !== "workerd") continue;
    for (const task of await readdir(`/proc/${pid}/task`)) {
      // A thread may exit between the two reads.
      const text = await readFile(`/proc/${pid}/task/${task}/schedstat`, "utf8").catch(() => "0");
      nanoseconds += Number(text.split(" ")[0]);
    }
  }
  return nanoseconds / 1e6;
}

/** Returns the resident memory of a process without its descendants, bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

/** Raises the descriptor limit of this process and its children to `wanted` if allowed. Returns the limit. */
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
