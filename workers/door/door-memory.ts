/**
 * The memory of a door, shared by all of its sessions: what clients do not read, and what connectors do not read. A
 * Durable Object has 128 MB for everything.
 */
import type { MemoryAccount } from "../../protocol/memory-budget.ts";

/** Bytes that the exchanges of a door may hold together. */
export const DOOR_MEMORY = 16 * 1024 * 1024;

/** Share of {@link DOOR_MEMORY} from which on windows stay small. */
const TIGHT = 1 / 2;
/** Multiple of {@link DOOR_MEMORY} from which on nothing more is buffered. */
const FULL = 1.25;

export class DoorMemory implements MemoryAccount {
  readonly #total: number;
  #used = 0;

  /** @param total bytes */
  constructor(total: number = DOOR_MEMORY) {
    this.#total = total;
  }

  get used(): number {
    return this.#used;
  }
  get tight(): boolean {
    return this.#used > this.#total * TIGHT;
  }
  get over(): boolean {
    return this.#used >= this.#total;
  }
  get full(): boolean {
    return this.#used >= this.#total * FULL;
  }

  add(bytes: number): void {
    this.#used += bytes;
  }
}
