/** The most memory that each process ever held, by its role: a killed edge's successor counts as the same. */
import { readFileSync } from "node:fs";
import { childrenOf } from "../edge/edge-client.ts";

const EVERY_MS = 250;

/** A role's processes at this moment. */
export type Pids = () => readonly number[];

/** workerd under an edge. */
export const workerdOf = (edge: { readonly process: { readonly pid: number } }): number[] => {
  try {
    return childrenOf(edge.process.pid)
      .filter(({ command }) => /workerd/.test(command))
      .map(({ pid }) => pid);
  } catch {
    return [];
  }
};

export class Peaks {
  readonly #roles: Readonly<Record<string, Pids>>;
  readonly #peaks = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(roles: Readonly<Record<string, Pids>>) {
    this.#roles = roles;
    this.#timer = setInterval(() => this.look(), EVERY_MS);
  }

  /** Reads the kernel's own high-water marks. */
  look(): void {
    for (const [role, pids] of Object.entries(this.#roles)) {
      for (const pid of pids()) {
        this.#peaks.set(role, Math.max(this.#peaks.get(role) ?? 0, highWater(pid)));
      }
    }
  }

  /** MiB by role. */
  stop(): Record<string, number> {
    this.look();
    clearInterval(this.#timer);
    return Object.fromEntries([...this.#peaks].map(([role, bytes]) => [role, Math.ceil(bytes / 2 ** 20)]));
  }
}

/** Peak resident bytes of a process; 0 when it is gone. */
function highWater(pid: number): number {
  try {
    const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return Number(found?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
