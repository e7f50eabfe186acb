/**
 * The times in which a session has no lane: limits how long they last, and lets callers wait for their end.
 */
import type { CarrierState } from "../../protocol/carrier/index.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { Waiters } from "../async/waiters.ts";
import type { CarrierV2 } from "./carrier-v2.ts";
import type { SessionLimits } from "./limits.ts";

/** A carrier that can be without lanes. */
type LaneCarrier = Pick<CarrierV2, "carrierState" | "wake" | "failure">;

export class LaneOutage {
  readonly #limits: SessionLimits;
  readonly #close: (error: FairleadError) => void;
  readonly #waiters = new Waiters();
  #timer: NodeJS.Timeout | undefined;
  /** The error that ended the session. */
  #ended: FairleadError | null = null;

  /** `close` ends a session that was without lanes for too long. */
  constructor(limits: SessionLimits, close: (error: FairleadError) => void) {
    this.#limits = limits;
    this.#close = close;
  }

  /** Follows the carrier's state. */
  carrierMoved(state: CarrierState): void {
    const { sessionTimeoutMs, parkedMs } = this.#limits;
    if (state === "up") {
      clearTimeout(this.#timer);
      this.#waiters.wake();
    } else if (state === "resuming") {
      const why = `The session had no lane for ${sessionTimeoutMs} ms.`;
      this.#closeAfter(sessionTimeoutMs, new FairleadError("session.timeout", why));
    } else if (state === "parked") {
      const why = `The session was parked for ${parkedMs} ms.`;
      this.#closeAfter(parkedMs, new FairleadError("session.closed", why));
    }
  }

  /**
   * Resolves when the carrier has a lane; wakes a parked carrier.
   * @throws FairleadError the one that ended the session; `session.timeout` when no lane joined within
   * `laneWaitMs`.
   */
  async waitForLane(carrier: LaneCarrier): Promise<void> {
    if (hasLane(carrier)) return;
    carrier.wake();
    const { laneWaitMs } = this.#limits;
    await this.#waiters.wait(laneWaitMs);
    if (hasLane(carrier)) return;
    const why = carrier.failure ?? this.#ended;
    throw why ?? new FairleadError("session.timeout", `No lane joined within ${laneWaitMs} ms.`);
  }

  /** Releases all waiters: the session has ended. */
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

function hasLane({ carrierState }: LaneCarrier): boolean {
  return carrierState === "up" || carrierState === "parking";
}
