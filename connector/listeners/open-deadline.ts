/**
 * The deadline of one OPEN. It follows the peer's signs of life rather than the time since the OPEN, because the peer's
 * target may take ten seconds to answer. After a second of silence the carrier asks the peer for a sign of life, and a
 * running process answers at once (docs/protocol.md, "First bytes and other instances").
 */
import { FairleadError } from "../../protocol/errors.ts";
import { timeLimit } from "../../protocol/time-limits.ts";

/** The signs of life of a session's peer. */
export interface PeerLife {
  /** How long nothing came from the peer, ms; null when the session has no carrier that asks for signs of life. */
  readonly silentMs: number | null;
  /** The session's round trip, ms; null before it is measured. */
  readonly roundTripMs: number | null;
}

/** Longest pause between two checks, ms. */
const CHECK_MS = 1000;

/** A check that is this late shows that the process did not run, ms. */
const FROZEN_MS = 1000;

export interface OpenDeadlineOptions {
  readonly life: () => PeerLife;
  /** Whether giving up costs the client its connection: bytes were sent, or there is no other instance. */
  readonly patient: () => boolean;
  /** Called once with `session.timeout`, which is no refusal: the target may have bytes of the client. */
  readonly expired: (error: FairleadError) => void;
  /** Name of the peer's site, for the error. */
  readonly peer: string;
  /** A clock that never goes back, ms. */
  readonly now?: () => number;
}

export class OpenDeadline {
  readonly #options: OpenDeadlineOptions;
  readonly #now: () => number;
  #since: number;
  /** When the next check is due, by the clock. */
  #checkAt: number;
  #timer: NodeJS.Timeout;

  /** The deadline runs from now on. */
  constructor(options: OpenDeadlineOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#since = this.#now();
    // No limit is shorter than this one, and nearly every OPEN is answered long before.
    const first = timeLimit("silence", 0);
    this.#checkAt = this.#since + first;
    this.#timer = setTimeout(() => this.#check(), first);
  }

  /** Stops the deadline: the OPEN was answered, or its client left. */
  clear(): void {
    clearTimeout(this.#timer);
  }

  #check(): void {
    const { life, patient, peer, expired } = this.#options;
    const now = this.#now();
    // This process did not run. The silence is its own, and counting starts again.
    if (now - this.#checkAt > FROZEN_MS) this.#since = now;
    const { silentMs, roundTripMs } = life();
    const waited = now - this.#since;
    const silence = silentMs === null ? 0 : Math.min(silentMs, waited);
    const inSilence = timeLimit(patient() ? "longSilence" : "silence", roundTripMs) - silence;
    const inAll = timeLimit("open", roundTripMs) - waited;
    const left = Math.min(inSilence, inAll);
    if (left > 0) {
      const next = Math.min(Math.ceil(left), CHECK_MS);
      this.#checkAt = now + next;
      this.#timer = setTimeout(() => this.#check(), next);
      return;
    }
    const why =
      inSilence <= 0
        ? `Site ${peer} gave no sign of life for ${Math.round(silence)} ms.`
        : `Site ${peer} did not answer for ${Math.round(waited)} ms.`;
    expired(new FairleadError("session.timeout", why));
  }
}
