/** How many files a process may have open, and how many it has. Linux tells in /proc; others do not. */
import { readdir, readFile, stat } from "node:fs/promises";

/** What is assumed where the system does not tell: what most of them give at least. */
const ASSUMED = 1024;

/**
 * The most descriptors that this process may have. Node has raised its limit to the highest that the system allows
 * (the hard one) when it started, and what it starts inherits that.
 */
export async function descriptorLimit(): Promise<number> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === "unlimited") return Number.MAX_SAFE_INTEGER;
  return soft === undefined ? ASSUMED : Number(soft);
}

/** How many descriptors a process has; null when it is gone or the system does not tell. */
export async function openDescriptors(pid: number): Promise<number | null> {
  const path = `/proc/${pid}/fd`;
  try {
    // From Linux 6.2 on the directory's size is the count; before it was 0.
    const { size } = await stat(path);
    return size > 0 ? size : (await readdir(path)).length;
  } catch {
    return null;
  }
}
