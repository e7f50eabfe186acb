/** A session's times without lanes: how long they may last, and who waits for their end. */
import type { CarrierState } from "../../protocol/carrier/index.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { Waiters } from "../async/waiters.ts";
import type { PipeCarrier } from "./carrier.ts";
import type { SessionLimits } from "./limits.ts";

export class Laneless {
  readonly #limits: SessionLimits;
  readonly #close: (error: FairleadError) => void;
  readonly #waiters = new Waiters();
  #timer: NodeJS.Timeout | undefined;
  /** Why the session ended. */
  #ended: FairleadError | null = null;

  /** `close` ends the session that has been without lanes for too long. */
  constructor(limits: SessionLimits, close: (error: FairleadError) => void) {
    this.#limits = limits;
    this.#close = close;
  }

  /** How the carrier stands now. */
  moved(state: CarrierState): void {
    const { sessionTimeoutMs, parkedMs } = this.#limits;
    if (state === "up") {
      clearTimeout(this.#timer);
      this.#waiters.wake();
    } else if (state === "resuming") {
      const why = `no lane for ${sessionTimeoutMs} ms`;
      this.#closeAfter(sessionTimeoutMs, new FairleadError("session.timeout", why));
    } else if (state === "parked") {
      this.#closeAfter(parkedMs, new FairleadError("session.closed", "no streams for long"));
    }
  }

  /**
   * Resolves when the pipe has a lane, waking it if it is parked.
   * @throws FairleadError why it ended, or session.timeout when no lane came in `laneWaitMs`.
   */
  async over(pipe: PipeCarrier): Promise<void> {
    if (hasLane(pipe)) return;
    pipe.wake();
    const { laneWaitMs } = this.#limits;
    await this.#waiters.wait(laneWaitMs);
    if (hasLane(pipe)) return;
    const why = pipe.failure ?? this.#ended;
    throw why ?? new FairleadError("session.timeout", `no lane within ${laneWaitMs} ms`);
  }

  /** The session has ended: nobody waits any more. */
  end(error: FairleadError): void {
    this.#ended = error;
    clearTimeout(this.#timer);
    this.#waiters.wake();
  }

  #closeAfter(ms: number, error: FairleadError): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#close(error), ms).unref();
  }
}

function hasLane(pipe: PipeCarrier): boolean {
  return pipe.pipeState === "up" || pipe.pipeState === "parking";
}
