/** How much memory other sites may make this process hold, where nobody says. */
import { totalmem } from "node:os";

const MIB = 1024 * 1024;
/** A share of what the machine or the container has, and the least and most of it, bytes. */
const MEMORY = { share: 1 / 4, least: 128 * MIB, most: 4096 * MIB } as const;

/** Bytes. `available`: of the machine, or of the container where that has a limit. */
export function memoryLimit(available = availableMemory()): number {
  const { share, least, most } = MEMORY;
  return Math.min(most, Math.max(least, Math.floor(available * share)));
}

function availableMemory(): number {
  const total = totalmem();
  const constrained = process.constrainedMemory();
  return constrained > 0 && constrained < total ? constrained : total;
}
