/**
 * The timer of a session without streams: it releases the lanes, closes the session, or ends its draining.
 */
import { FairleadError } from "../../protocol/errors.ts";
import type { SessionPhase } from "../../protocol/session/state.ts";
import type { CarrierV2 } from "./carrier-v2.ts";
import type { SessionLimits } from "./limits.ts";

/** Between two attempts to release the lanes, ms. */
const PARK_RETRY_MS = 1000;

/** A carrier that can release its lanes. */
type ParkableCarrier = Pick<CarrierV2, "carrierState" | "park">;

/** The session as its idle timer sees it. */
export interface IdleSession {
  readonly phase: () => SessionPhase;
  /** Streams open now, of both sides. */
  readonly streams: () => number;
  /** The carrier of version 2, which can be without lanes; null with version 1. */
  readonly carrier: () => ParkableCarrier | null;
  /** Closes the session once its streams have ended. */
  readonly drain: (error: FairleadError) => void;
  readonly close: (error: FairleadError) => void;
}

export class IdleTimer {
  readonly #limits: SessionLimits;
  readonly #session: IdleSession;
  #timer: NodeJS.Timeout | undefined;

  /** Begins with the time that the session may take to come up. */
  constructor(limits: SessionLimits, session: IdleSession) {
    this.#limits = limits;
    this.#session = session;
    const { upMs } = limits;
    const late = `The session was not up after ${upMs} ms.`;
    this.#after(upMs, () => session.close(new FairleadError("session.timeout", late)));
  }

  /**
   * Restarts the timer. Call it when the session came up, and when the streams changed to zero or from zero.
   */
  restart(): void {
    if (this.#session.phase() !== "up") return;
    clearTimeout(this.#timer);
    if (this.#session.streams() > 0) return;
    const { idleMs, parkAfterMs } = this.#limits;
    const carrier = this.#session.carrier();
    if (carrier !== null) this.#after(parkAfterMs, () => this.#park(carrier));
    else {
      const closed = new FairleadError("session.closed", `The session had no streams for ${idleMs} ms.`);
      this.#after(idleMs, () => this.#session.drain(closed));
    }
  }

  /** Closes the draining session when its streams have ended, even if the peer sends no GOAWAY. */
  drain(): void {
    const check = (): void => {
      if (this.#session.streams() === 0) this.#session.close(new FairleadError("session.closed"));
      else this.#after(this.#limits.lingerMs, check);
    };
    this.#after(this.#limits.lingerMs, check);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Parks the carrier; tries again later while bytes are in flight. */
  #park(carrier: ParkableCarrier): void {
    const { phase, streams } = this.#session;
    if (phase() !== "up" || streams() > 0 || carrier.carrierState !== "up" || carrier.park()) return;
    this.#after(PARK_RETRY_MS, () => this.#park(carrier));
  }

  #after(ms: number, action: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, ms);
  }
}
