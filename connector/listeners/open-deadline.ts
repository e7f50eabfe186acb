/**
 * The deadline of one OPEN. The peer's target may take ten seconds to answer, so the time since the OPEN says little:
 * what counts is whether the peer lives. Its carrier is asked for a sign of life after a second of silence, and answers
 * at once in a process that runs, on a path that leads to it (docs/protocol.md, "First bytes and other instances").
 */
import { FairleadError } from "../../protocol/errors.ts";
import { timeLimit } from "../../protocol/time-limits.ts";

/** What is known of the peer of a session. */
export interface PeerLife {
  /** How long nothing came from it, ms; null when the session has no carrier that asks for signs of life. */
  readonly silentMs: number | null;
  /** The session's round trip, ms; null while it was not measured. */
  readonly roundTripMs: number | null;
}

/** Between two looks at the most, ms: what is known of peer and client changes. */
const LOOK_MS = 1000;

/** A look this late means that the process did not run, ms. */
const FROZEN_MS = 1000;

export interface OpenDeadlineOptions {
  readonly life: () => PeerLife;
  /** Whether giving up costs the client its connection: its bytes went out, or there is no other instance. */
  readonly patient: () => boolean;
  /** Called once with `session.timeout`, which is no answer of the peer: its target may have got bytes. */
  readonly expired: (error: FairleadError) => void;
  /** The peer's name, for the error. */
  readonly peer: string;
  /** A clock that never goes back, ms. */
  readonly now?: () => number;
}

export class OpenDeadline {
  readonly #options: OpenDeadlineOptions;
  readonly #now: () => number;
  #since: number;
  /** When the next look is due, by the clock. */
  #lookAt: number;
  #timer: NodeJS.Timeout;

  /** Begins now. */
  constructor(options: OpenDeadlineOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#since = this.#now();
    // The shortest that any of the limits can be: nearly every OPEN is answered long before.
    const first = timeLimit("silence", 0);
    this.#lookAt = this.#since + first;
    this.#timer = setTimeout(() => this.#look(), first);
  }

  /** The OPEN was answered, or nobody waits for it any more. */
  clear(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    const { life, patient, peer, expired } = this.#options;
    const now = this.#now();
    // A look this late says that this process did not run: the silence is its own, and counting begins again.
    if (now - this.#lookAt > FROZEN_MS) this.#since = now;
    const { silentMs, roundTripMs } = life();
    const waited = now - this.#since;
    const silence = silentMs === null ? 0 : Math.min(silentMs, waited);
    const inSilence = timeLimit(patient() ? "longSilence" : "silence", roundTripMs) - silence;
    const inAll = timeLimit("open", roundTripMs) - waited;
    const left = Math.min(inSilence, inAll);
    if (left > 0) {
      const next = Math.min(Math.ceil(left), LOOK_MS);
      this.#lookAt = now + next;
      this.#timer = setTimeout(() => this.#look(), next);
      return;
    }
    const why =
      inSilence <= 0
        ? `site ${peer} gave no sign of life for ${Math.round(silence)} ms`
        : `site ${peer} did not answer for ${Math.round(waited)} ms`;
    expired(new FairleadError("session.timeout", why));
  }
}
