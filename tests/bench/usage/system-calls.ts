/** System calls of the parts of a system, counted by perf. Counting slows each call, so it has runs of its own. */
import { execFile } from "node:child_process";
import type { ManagedProcess } from "../../support/process/managed-process.ts";
import type { Ground } from "../ground.ts";
import { descent, processTree } from "../processes.ts";
import type { Part } from "../systems/system.ts";

const EVENT = "raw_syscalls:sys_enter";

/** perf writes a line each time, ms. Its first line says that it has begun. */
const INTERVAL_MS = 100;

const ARGUMENTS = ["stat", "-x,", "-I", String(INTERVAL_MS), "-e", EVENT];

/** Returns why system calls cannot be counted on this machine, or null if they can. */
export async function whyNotCounted(perf: string | null): Promise<string | null> {
  if (perf === null) return "perf is not installed";
  return await new Promise((done) => {
    // A program that ends before the first interval may leave no count.
    execFile(perf, [...ARGUMENTS, "sleep", String((3 * INTERVAL_MS) / 1000)], (error, _, stderr) => {
      const allowed = error === null && Number.isFinite(parseCounts(stderr));
      done(allowed ? null : "perf may not count system calls: it needs root or CAP_PERFMON, and tracefs");
    });
  });
}

/** Counts the system calls of each part, with its descendants, while `work` runs. */
export async function countSystemCalls<T>(
  ground: Ground,
  perf: string,
  parts: readonly Part[],
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly calls: Readonly<Record<string, number>> }> {
  const { children } = await processTree();
  const counters = parts.map(({ name, pid }) => {
    const pids = [...descent(pid, children)].join(",");
    const args = [...ARGUMENTS, "-p", pids];
    return { name, counter: ground.cluster.spawn({ name: `perf ${name}`, command: perf, args }) };
  });
  try {
    const began = ({ stderr }: ManagedProcess) => (stderr.includes(EVENT) ? true : null);
    await Promise.all(counters.map(({ counter }) => counter.output("its first count", began)));
    const result = await work();
    await Promise.all(counters.map(({ counter }) => counter.stop(8000, "SIGINT")));
    const calls = counters.map(({ name, counter }) => [name, parseCounts(counter.stderr)] as const);
    return { result, calls: Object.fromEntries(calls) };
  } finally {
    await Promise.all(counters.map(({ counter }) => counter.kill9()));
  }
}

/** Sums up what `perf stat -x, -I` wrote: time, count, unit, event and more. Returns NaN for no counts. */
export function parseCounts(text: string): number {
  const counts = text
    .split("\n")
    .map((line) => line.trim().split(","))
    .filter(([, count = "", , event]) => event === EVENT && /^\d+$/.test(count))
    .map(([, count]) => Number(count));
  return counts.length === 0 ? Number.NaN : counts.reduce((sum, count) => sum + count, 0);
}
