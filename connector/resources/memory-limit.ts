/** The default limit of the memory that other sites can make this process hold. */
import { totalmem } from "node:os";

const MIB = 1024 * 1024;
/** A share of the memory of the machine or container, and the bounds of the limit, bytes. */
const MEMORY = { share: 1 / 4, least: 128 * MIB, most: 4096 * MIB } as const;

/** The limit, bytes. @param available memory of the machine, or of the container if it has a limit */
export function memoryLimit(available = availableMemory()): number {
  const { share, least, most } = MEMORY;
  return Math.min(most, Math.max(least, Math.floor(available * share)));
}

function availableMemory(): number {
  const total = totalmem();
  const constrained = process.constrainedMemory();
  return constrained > 0 && constrained < total ? constrained : total;
}
