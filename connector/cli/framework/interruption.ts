/** SIGINT and SIGTERM of this process. */
import { constants } from "node:os";

/** Interval between two looks at the parent, ms. */
const PARENT_MS = 1000;

/**
 * Handles SIGINT and SIGTERM from its construction on. A process that is process 1, as in a container, loses each signal
 * that it does not handle. Before {@link claim}, a signal ends the process at once, as it does by default.
 */
export class Interruption {
  readonly #controller = new AbortController();
  #claimed = false;

  constructor() {
    process.on("SIGINT", this.#onSignal);
    process.on("SIGTERM", this.#onSignal);
  }

  /** Returns a signal that aborts at the first SIGINT or SIGTERM from now on; the second ends the process at once. */
  claim(): AbortSignal {
    this.#claimed = true;
    return this.#controller.signal;
  }

  /**
   * From now on, handles the end of the parent as SIGTERM, if that is the shell in which npx runs this program: npx passes
   * a signal to its shell alone, which ends and leaves its child behind (npm 11.19).
   */
  followNpx({ npm_lifecycle_event: event, npm_lifecycle_script: script = "" }: NodeJS.ProcessEnv): void {
    if (event !== "npx" || !/^["']?fairlead\b/.test(script)) return;
    const parent = process.ppid;
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      this.#onSignal("SIGTERM");
    }, PARENT_MS);
    timer.unref();
  }

  readonly #onSignal = (name: "SIGINT" | "SIGTERM") => {
    if (this.#claimed && !this.#controller.signal.aborted) {
      this.#controller.abort();
      return;
    }
    // A shell and a service manager tell an end by a signal from an exit. Process 1 survives its own signal, and exits.
    if (!this.#claimed) {
      process.off(name, this.#onSignal);
      process.kill(process.pid, name);
    }
    process.exit(128 + constants.signals[name]);
  };
}
