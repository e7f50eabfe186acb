/** A run of a demo: its steps, and the end of everything that it started, whether by itself, by a signal or by a failure. */
import { existsSync } from "node:fs";
import { Cluster, FAIRLEAD } from "../support/process/cluster.ts";
import type { Report } from "./report.ts";

/** What the steps of a demo work with. */
export interface Setting {
  readonly report: Report;
  readonly cluster: Cluster;
  /** Registers a clean-up besides that of the cluster. */
  atEnd(undo: () => Promise<unknown>): void;
}

export interface Demo<Stage> {
  readonly title: string;
  /** Start of the name of its temporary directory. */
  readonly prefix: string;
  /** Runs every step. Returns the running parts. @throws the error of a failed step */
  act(setting: Setting): Promise<Stage>;
  /** Says what to try, and watches the parts until `stopping` is aborted. */
  stay(report: Report, stage: Stage, stopping: AbortSignal): void;
}

/**
 * Runs a demo. It ends the process: with `once` after the last step, with status 1 if a step failed; otherwise at a
 * signal.
 */
export async function perform<Stage>(
  demo: Demo<Stage>,
  { report, once }: { readonly report: Report; readonly once: boolean },
): Promise<void> {
  if (!existsSync(FAIRLEAD)) {
    console.error("Fairlead is not built. Run `npm ci` or `npm run build`.");
    process.exit(1);
  }
  const cluster = await Cluster.create(demo.prefix);
  const undoing: (() => Promise<unknown>)[] = [];
  const stopping = new AbortController();

  /** Ends every process and then this one. A second call has no effect. */
  const end = async (status: number): Promise<void> => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    const ended = await Promise.allSettled([cluster.close(), ...undoing.map((undo) => undo())]);
    for (const each of ended) if (each.status === "rejected") console.error(each.reason);
    process.exit(ended.every((each) => each.status === "fulfilled") ? status : 1);
  };

  let isComplete = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      report.line(stopping.signal.aborted ? "" : "\nStopping every process.");
      // An interrupt before the last step is a failure.
      void end(isComplete ? 0 : 130);
    });
  }
  // The reader of the output has exited, as in `npm run demo | head`.
  process.stdout.on("error", () => void end(1));

  report.line(`${demo.title}\n`, "bold");
  try {
    const stage = await demo.act({ report, cluster, atEnd: (undo) => undoing.push(undo) });
    isComplete = true;
    report.finish();
    if (once) await end(0);
    else demo.stay(report, stage, stopping.signal);
  } catch (error) {
    if (!stopping.signal.aborted) {
      report.finish();
      const text = error instanceof Error ? error.stack : error;
      console.error(`\n${text}\n\nThe last lines of each process:\n${cluster.logs(15)}`);
      await end(1);
    }
  }
}
