/** Replaces an open uplink: opens the new one before the old one is closed. */
import { asFairleadError, type FairleadError } from "../../protocol/errors.ts";
import { sleep } from "../async/sleep.ts";
import type { Log } from "../log.ts";
import { Backoff, type BackoffOptions } from "../net/backoff.ts";
import { OutageLog } from "../outage-log.ts";
import { waitAfter } from "./state.ts";

export interface ReplacementOptions<U> {
  /** Dials, sends hello and switches over. `cancelled` cancels the dial alone. */
  readonly connect: (cancelled: AbortSignal) => Promise<void>;
  /** The current uplink, open or not; null for none. */
  readonly current: () => (U & { readonly isOpen: boolean }) | null;
  /** The current uplink has ended and could not be replaced. */
  readonly failed: (error: FairleadError) => void;
  readonly backoff: BackoffOptions;
  readonly log: Log;
}

export class Replacement<U> {
  readonly #options: ReplacementOptions<U>;
  /** Count of hellos that were requested. */
  #requested = 0;
  /** The hello with which the current uplink was opened. */
  #answered = 0;
  #running: Promise<void> | null = null;
  /** Cancels the replacement of an uplink that has ended. */
  #obsolete = new AbortController();

  constructor(options: ReplacementOptions<U>) {
    this.#options = options;
  }

  /** Whether a replacement is in progress. */
  get isRunning(): boolean {
    return this.#running !== null;
  }

  /** The number of the next hello, for {@link answered}. */
  get hello(): number {
    return this.#requested;
  }

  /** Notes that an uplink was opened with this hello. */
  answered(hello: number): void {
    this.#answered = hello;
  }

  /** Replaces an uplink that the run loop opened, if a newer hello was requested meanwhile. */
  catchUp(): void {
    if (this.#answered < this.#requested) void this.#catchUp();
  }

  /** Cancels the replacement. The run loop dials the next uplink. */
  cancel(): void {
    this.#obsolete.abort();
    this.#obsolete = new AbortController();
  }

  /** Resolves when an uplink is up that sent its hello after this call, or when there is none to replace. */
  async withNewHello(): Promise<void> {
    this.#requested += 1;
    const requested = this.#requested;
    await this.#catchUp();
    // The call may have come after the last check of a replacement that was ending.
    if (this.#answered < requested && this.#options.current()?.isOpen) await this.#catchUp();
  }

  /** Replaces a silent uplink unless `alive` aborts. */
  async ofSilent(uplink: U, alive: AbortSignal): Promise<void> {
    await this.#once(() => this.#options.current() === uplink, alive);
  }

  #catchUp(): Promise<void> {
    return this.#once(() => this.#answered < this.#requested);
  }

  #once(isNeeded: () => boolean, cancelled?: AbortSignal): Promise<void> {
    const signals = cancelled === undefined ? [] : [cancelled];
    this.#running ??= this.#run(isNeeded, AbortSignal.any([this.#obsolete.signal, ...signals])).finally(
      () => {
        this.#running = null;
      },
    );
    return this.#running;
  }

  async #run(isNeeded: () => boolean, cancelled: AbortSignal): Promise<void> {
    const { connect, current, failed, log } = this.#options;
    const backoff = new Backoff(this.#options.backoff);
    const outage = new OutageLog(log);
    while (isNeeded() && current() !== null && !cancelled.aborted) {
      try {
        await connect(cancelled);
        outage.ended({}, (length) => `The uplink was replaced, after attempts for ${length}.`);
      } catch (thrown) {
        const error = asFairleadError(thrown, "uplink.lost");
        // The registry may have closed the current uplink in favour of the failed one.
        if (current()?.isOpen === false) failed(error);
        if (cancelled.aborted || !current()?.isOpen) return;
        outage.failed({ code: error.code }, `The uplink could not be replaced: ${error.message}`);
        const wait = waitAfter(error.code, () => backoff.next(), this.#options.backoff.random);
        await sleep(wait, cancelled, { ref: false });
      }
    }
  }
}
