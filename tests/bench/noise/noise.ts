/** A busy neighbour (`--noise`), so that the figures of a bad day can be measured on a good one. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Cluster } from "../../support/process/cluster.ts";

const NEIGHBOUR = join(import.meta.dirname, "neighbour.ts");

/** Processes that spin. Their priority is the lowest: they take what is idle, and each wake-up preempts them. */
const SPINNERS = 2;
const LOWEST_PRIORITY = "19";

/** Where the kernel describes the caches of the first core. */
const CACHES = "/sys/devices/system/cpu/cpu0/cache";

/** Size of the last-level cache where the kernel does not tell it. */
const USUAL_CACHE_BYTES = 32 * 1024 * 1024;

/**
 * Starts the neighbour, which ends with the cluster, or by the watchdogs of its processes when this process dies. The
 * process that sweeps memory has the usual priority and pauses: at the lowest one it would stand still in the very
 * measures that leave no core idle. Its buffer is twice as large as the last-level cache.
 */
export async function startNoise(cluster: Cluster): Promise<void> {
  for (let at = 1; at <= SPINNERS; at++) {
    const args = ["-n", LOWEST_PRIORITY, process.execPath, NEIGHBOUR, "spin"];
    cluster.spawn({ name: `noise, spinner ${at}`, command: "nice", args });
  }
  const bytes = 2 * (await lastLevelCacheBytes());
  const args = [NEIGHBOUR, "sweep", String(bytes)];
  cluster.spawn({ name: "noise, sweeper", command: process.execPath, args });
}

async function lastLevelCacheBytes(): Promise<number> {
  const names = await readdir(CACHES).catch(() => []);
  const sizes = await Promise.all(
    names
      .filter((name) => name.startsWith("index"))
      .map(async (name) => parseSize(await readFile(join(CACHES, name, "size"), "utf8").catch(() => ""))),
  );
  return Math.max(0, ...sizes) || USUAL_CACHE_BYTES;
}

/** Parses the kernel's size of a cache, such as `32768K`. Returns 0 for anything else. */
export function parseSize(text: string): number {
  const [, count, unit] = /^(\d+)([KM])$/.exec(text.trim()) ?? [];
  return Number(count ?? 0) * (unit === "M" ? 1024 * 1024 : 1024);
}
