/** SIGINT and SIGTERM of this process. */
import { constants } from "node:os";

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
