/** The supervisor of a demo: restarts every part that ends after the last step. */
import { eventually } from "../support/clock/eventually.ts";
import { describeExit, type ManagedProcess } from "../support/process/managed-process.ts";
import { duration, type Report } from "./report.ts";

/** A part that can be restarted, such as an edge or a connector. */
export interface Actor {
  readonly process: ManagedProcess;
  restart(): Promise<void>;
}

/** What shows that everything works again after a restart. */
export interface Sign {
  /** A sentence without its period, such as "West read the orders of east again". */
  readonly says: string;
  /** Whether it shows now. An error means that it does not. */
  shows(): Promise<boolean>;
}

/** Restarts each part that ends, and reports it, until `stopping` is aborted. Keys are names such as "The edge". */
export function keepRunning(
  report: Report,
  actors: Readonly<Record<string, Actor>>,
  sign: Sign,
  stopping: AbortSignal,
): void {
  for (const [name, actor] of Object.entries(actors)) void keep(report, { name, actor, sign, stopping });
}

interface Kept {
  readonly name: string;
  readonly actor: Actor;
  readonly sign: Sign;
  readonly stopping: AbortSignal;
}

async function keep(report: Report, { name, actor, sign, stopping }: Kept): Promise<void> {
  for (;;) {
    const exit = await actor.process.exited;
    if (stopping.aborted) return;
    const began = performance.now();
    const since = () => duration(Math.round(performance.now() - began));
    report.line(`${name} ended (${describeExit(exit)}) and is being restarted.`);
    try {
      await actor.restart();
      report.line(`${name} is back after ${since()} with pid ${actor.process.pid}.`);
      await eventually(sign.says, () => sign.shows());
      report.line(`${sign.says} after ${since()}.`);
    } catch (error) {
      if (stopping.aborted) return;
      report.line(`${name}: ${error instanceof Error ? error.message : error}`, "red");
      // A part that failed to restart has no process to watch.
      if (actor.process.exit !== null) return;
    }
  }
}
