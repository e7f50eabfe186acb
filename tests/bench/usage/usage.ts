/** What the parts of a system use while they work: CPU time, context switches and turns of the event loop. */
import { readdir, readFile } from "node:fs/promises";
import { descent, processTree, type Stat, ticksPerSecond } from "../processes.ts";
import type { Part } from "../systems/system.ts";
import { loopTurns } from "./loop-turns.ts";

/** What a part used, or used per unit of work. */
export interface Usage {
  /** CPU seconds outside and inside of the kernel. Their sum is exact to 10 ms; the kernel samples their shares. */
  readonly user: number;
  readonly system: number;
  /** Context switches of all threads: because a thread waited, and because another one was to run. */
  readonly voluntary: number;
  readonly involuntary: number;
  /** Turns of the event loop; null for programs without a probe. */
  readonly turns: number | null;
}

interface Switches {
  readonly voluntary: number;
  readonly involuntary: number;
}

interface Snapshot {
  readonly user: number;
  readonly system: number;
  /** By thread, because the count of a thread is lost when it ends. */
  readonly switches: ReadonlyMap<string, Switches>;
  readonly turns: number | null;
}

/** Measures the parts of a system, with their descendants, between {@link start} and {@link stop}. */
export class UsageMeter {
  readonly #parts: readonly Part[];
  readonly #before: ReadonlyMap<string, Snapshot>;

  private constructor(parts: readonly Part[], before: ReadonlyMap<string, Snapshot>) {
    this.#parts = parts;
    this.#before = before;
  }

  static async start(parts: readonly Part[]): Promise<UsageMeter> {
    return new UsageMeter(parts, await snapshots(parts));
  }

  /** Returns what each part used since the start, by its name. */
  async stop(): Promise<Record<string, Usage>> {
    const after = await snapshots(this.#parts);
    const used: Record<string, Usage> = {};
    for (const { name } of this.#parts) {
      const [from, to] = [this.#before.get(name), after.get(name)];
      if (from !== undefined && to !== undefined) used[name] = difference(from, to);
    }
    return used;
  }
}

/** Returns the usage for each unit of `amount` units of work. */
export function perUnit(usage: Usage, amount: number): Usage {
  return {
    user: usage.user / amount,
    system: usage.system / amount,
    voluntary: usage.voluntary / amount,
    involuntary: usage.involuntary / amount,
    turns: usage.turns === null ? null : usage.turns / amount,
  };
}

/** Parses the context switches of a thread from its `status`. */
export function parseSwitches(status: string): Switches {
  const count = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)$`, "m").exec(status)?.[1] ?? 0);
  return { voluntary: count("voluntary_ctxt_switches"), involuntary: count("nonvoluntary_ctxt_switches") };
}

function difference(from: Snapshot, to: Snapshot): Usage {
  let [voluntary, involuntary] = [0, 0];
  for (const [thread, now] of to.switches) {
    const before = from.switches.get(thread);
    voluntary += now.voluntary - (before?.voluntary ?? 0);
    involuntary += now.involuntary - (before?.involuntary ?? 0);
  }
  const turns = from.turns === null || to.turns === null ? null : to.turns - from.turns;
  return { user: to.user - from.user, system: to.system - from.system, voluntary, involuntary, turns };
}

async function snapshots(parts: readonly Part[]): Promise<Map<string, Snapshot>> {
  const { stats, children } = await processTree();
  const perSecond = await ticksPerSecond();
  return new Map(
    await Promise.all(
      parts.map(async ({ name, pid, probe }) => {
        const pids = [...descent(pid, children)];
        const ticks = (kind: keyof Stat & ("user" | "system")) =>
          pids.reduce((sum, each) => sum + (stats.get(each)?.[kind] ?? 0), 0) / perSecond;
        const threads = await Promise.all(pids.map(switchesOf));
        const turns = probe === undefined ? null : await loopTurns(probe);
        const switches = new Map(threads.flat());
        return [name, { user: ticks("user"), system: ticks("system"), switches, turns }] as const;
      }),
    ),
  );
}

async function switchesOf(pid: number): Promise<(readonly [string, Switches])[]> {
  // A process or a thread may end between two reads.
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  return await Promise.all(
    threads.map(async (thread) => {
      const status = await readFile(`/proc/${pid}/task/${thread}/status`, "utf8").catch(() => "");
      return [thread, parseSwitches(status)] as const;
    }),
  );
}
