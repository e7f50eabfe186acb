/** Peak memory of processes by role. A restarted process keeps its role. */
import { readFileSync } from "node:fs";
import { childrenOf } from "../edge/edge-client.ts";

const EVERY_MS = 250;

/** Returns the present processes of a role. */
export type Pids = () => readonly number[];

/** Returns the workerd processes of an edge. */
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

  /** Reads the kernel's high-water marks. */
  look(): void {
    for (const [role, pids] of Object.entries(this.#roles)) {
      for (const pid of pids()) {
        this.#peaks.set(role, Math.max(this.#peaks.get(role) ?? 0, highWater(pid)));
      }
    }
  }

  /** Stops reading. Returns MiB by role. */
  stop(): Record<string, number> {
    this.look();
    clearInterval(this.#timer);
    return Object.fromEntries([...this.#peaks].map(([role, bytes]) => [role, Math.ceil(bytes / 2 ** 20)]));
  }
}

/** Returns the peak resident bytes of a process, or 0 when it has exited. */
function highWater(pid: number): number {
  try {
    const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return Number(found?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
