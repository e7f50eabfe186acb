/** What becomes of a session that nobody uses: it lets its lanes go, or ends; and one that drains ends at last. */
import { FairleadError } from "../../protocol/errors.ts";
import type { SessionPhase } from "../../protocol/session/state.ts";
import type { PipeCarrier } from "./carrier.ts";
import type { SessionLimits } from "./limits.ts";

/** Between two tries to let the lanes go, ms. */
const PARK_RETRY_MS = 1000;

/** What it needs to know of the session, and does to it. */
export interface Idle {
  readonly phase: () => SessionPhase;
  /** Streams open now, both sides'. */
  readonly streams: () => number;
  /** The carrier, where it can be without lanes. */
  readonly pipe: () => PipeCarrier | null;
  /** Ends the session once its streams have ended. */
  readonly drain: (error: FairleadError) => void;
  readonly close: (error: FairleadError) => void;
}

export class Idling {
  readonly #limits: SessionLimits;
  readonly #session: Idle;
  #timer: NodeJS.Timeout | undefined;

  /** The session is being opened, which may take `upMs`. */
  constructor(limits: SessionLimits, session: Idle) {
    this.#limits = limits;
    this.#session = session;
    const { upMs } = limits;
    this.#after(upMs, () => session.close(new FairleadError("session.timeout", `not up after ${upMs} ms`)));
  }

  /** The number of streams changed to or from none, or the session came up. */
  review(): void {
    if (this.#session.phase() !== "up") return;
    clearTimeout(this.#timer);
    if (this.#session.streams() > 0) return;
    const { idleMs, parkAfterMs } = this.#limits;
    const pipe = this.#session.pipe();
    if (pipe !== null) this.#after(parkAfterMs, () => this.#park(pipe));
    else {
      const closed = new FairleadError("session.closed", "no streams for a while");
      this.#after(idleMs, () => this.#session.drain(closed));
    }
  }

  /** No new streams come: a peer that does not say its GOAWAY is not waited for long. */
  draining(): void {
    const check = (): void => {
      if (this.#session.streams() === 0) this.#session.close(new FairleadError("session.closed"));
      else this.#after(this.#limits.lingerMs, check);
    };
    this.#after(this.#limits.lingerMs, check);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** What is still under way arrives soon: then once more. */
  #park(pipe: PipeCarrier): void {
    const { phase, streams } = this.#session;
    if (phase() !== "up" || streams() > 0 || pipe.pipeState !== "up" || pipe.park()) return;
    this.#after(PARK_RETRY_MS, () => this.#park(pipe));
  }

  #after(ms: number, action: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, ms);
  }
}
