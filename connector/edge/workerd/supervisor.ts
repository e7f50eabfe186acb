/** Keeps one workerd running: starts it, restarts it when it ends, and replaces it on request. */
import { asFairleadError, FairleadError } from "../../../protocol/errors.ts";
import { sleep } from "../../async/sleep.ts";
import type { Log } from "../../log.ts";

/** One run of workerd, as the supervisor uses it. */
export interface Run {
  /** Resolves with how it ended. */
  readonly ended: Promise<string>;
  /** Ends it; by force after `grace` ms. */
  end(grace: number): Promise<void>;
}

export interface SupervisorOptions {
  /**
   * Starts a run. Resolves when it serves.
   *
   * @throws FairleadError when it fails before it serves; it has ended by then
   */
  readonly launch: () => Promise<Run>;
  readonly log: Log;
}

/** Pauses before a restart, ms, by the number of failures before it. */
export const RESTART_MS = [0, 250, 500, 1_000, 2_000, 5_000] as const;

/** A run of this duration resets the number of failures, ms. */
export const GOOD_RUN_MS = 30_000;

/** The pause before the restart after `failures` short runs in a row, ms. */
export function restartPause(failures: number): number {
  return RESTART_MS[Math.min(failures, RESTART_MS.length - 1)] ?? 0;
}

export class Supervisor {
  readonly #launch: () => Promise<Run>;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  #run: Run | undefined;
  #watching: Promise<void> = Promise.resolve();
  /** Whether the run ends because it is replaced. */
  #replacing = false;

  constructor(options: SupervisorOptions) {
    this.#launch = options.launch;
    this.#log = options.log;
  }

  /** Starts the first run. @throws FairleadError when it fails before it serves; nothing runs then */
  async start(): Promise<void> {
    this.#run = await this.#launch();
    if (this.#stopping.signal.aborted) {
      await this.#run.end(0);
      throw new FairleadError("edge.failed", "The edge was stopped while it started.");
    }
    this.#watching = this.#watch(this.#run);
  }

  /** Ends the current run. The next one starts once it has ended. */
  async replace(grace: number): Promise<void> {
    this.#replacing = true;
    await this.#run?.end(grace);
  }

  /** Ends the current run. Resolves when no process is left. */
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
        this.#log.error({ how, failures }, "workerd ended; it is restarted.");
        await this.#pause(restartPause(failures++));
      }
      run = await this.#relaunch(failures);
    }
  }

  /** Launches until a run serves; undefined when the supervisor is stopped first. */
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
