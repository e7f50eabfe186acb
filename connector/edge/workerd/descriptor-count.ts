/** How many descriptors another process has. Linux tells in /proc; others do not. */
import { readdir, stat } from "node:fs/promises";

/** The count; null when the process is gone or the system does not tell. */
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
