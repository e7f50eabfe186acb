/** Keeps one workerd running: starts it, starts it again when it ends by itself, replaces it when asked to. */
import { asFairleadError, FairleadError } from "../../../protocol/errors.ts";
import { sleep } from "../../async/sleep.ts";
import type { Log } from "../../log.ts";

/** What the supervisor needs of a run of workerd. */
export interface Run {
  /** Resolves when it is gone, with how it ended. */
  readonly ended: Promise<string>;
  /** Ends it; by force after `grace` ms. */
  end(grace: number): Promise<void>;
}

export interface SupervisorOptions {
  /**
   * Starts a run, and resolves when it serves.
   *
   * @throws FairleadError when it does not come to serve; it is gone then
   */
  readonly launch: () => Promise<Run>;
  readonly log: Log;
}

/** Pauses before starting again: at once the first time, then longer, until a run has lasted. */
export const RESTART_MS = [0, 250, 500, 1_000, 2_000, 5_000] as const;

/** A run that lasted this long was a good one. ms */
export const GOOD_RUN_MS = 30_000;

/** How long to wait before the restart after `failures` runs in a row that did not last. ms */
export function restartPause(failures: number): number {
  return RESTART_MS[Math.min(failures, RESTART_MS.length - 1)] ?? 0;
}

export class Supervisor {
  readonly #launch: () => Promise<Run>;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  #run: Run | undefined;
  #watching: Promise<void> = Promise.resolve();
  /** Whether the run ends on purpose. */
  #replacing = false;

  constructor(options: SupervisorOptions) {
    this.#launch = options.launch;
    this.#log = options.log;
  }

  /** Starts the first run. @throws FairleadError when that does not come to serve; nothing runs then */
  async start(): Promise<void> {
    this.#run = await this.#launch();
    if (this.#stopping.signal.aborted) {
      await this.#run.end(0);
      throw new FairleadError("edge.failed", "The edge was stopped while it started.");
    }
    this.#watching = this.#watch(this.#run);
  }

  /** Ends the run that serves; the next one starts as soon as it is gone. */
  async replace(grace: number): Promise<void> {
    this.#replacing = true;
    await this.#run?.end(grace);
  }

  /** Ends everything. Resolves when no process is left. */
  async stop(grace: number): Promise<void> {
    this.#stopping.abort();
    await this.#run?.end(grace);
    await this.#watching;
  }

  async #watch(first: Run): Promise<void> {
    let run: Run | undefined = first;
    let failures = 0;
    while (run !== undefined) {
      const began = performance.now();
      const how = await run.ended;
      if (this.#stopping.signal.aborted) return;
      if (this.#replacing) {
        this.#replacing = false;
      } else {
        if (performance.now() - began > GOOD_RUN_MS) failures = 0;
        this.#log.error({ how, failures }, "workerd ended; starting it again");
        await this.#pause(restartPause(failures++));
      }
      run = await this.#relaunch(failures);
    }
  }

  /** Tries until a run serves; undefined when stopped meanwhile. */
  async #relaunch(failed: number): Promise<Run | undefined> {
    for (let failures = failed; !this.#stopping.signal.aborted; failures++) {
      try {
        const run = await this.#launch();
        this.#run = run;
        if (!this.#stopping.signal.aborted) return run;
        await run.end(0);
      } catch (thrown) {
        const error = asFairleadError(thrown, "edge.failed");
        this.#log.error({ code: error.code, failures }, error.message);
        await this.#pause(Math.max(restartPause(failures), 250));
      }
    }
    return undefined;
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, this.#stopping.signal);
  }
}
