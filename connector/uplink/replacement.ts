/** Opens an uplink in the place of one that is there: make before break. */
import { asFairleadError, type FairleadError } from "../../protocol/errors.ts";
import { sleep } from "../async/sleep.ts";
import type { Log } from "../log.ts";
import { Backoff, type BackoffOptions } from "../net/backoff.ts";
import { waitAfter } from "./state.ts";

export interface ReplacingOptions<U> {
  /** Dials, says hello and moves over; the dial, and no more than that, can be called off. */
  readonly connect: (calledOff: AbortSignal) => Promise<void>;
  /** The uplink that is there, open or not; null for none. */
  readonly current: () => (U & { readonly isOpen: boolean }) | null;
  /** The one that was there has ended, and could not be replaced. */
  readonly failed: (error: FairleadError) => void;
  readonly backoff: BackoffOptions;
  readonly log: Log;
}

export class Replacing<U> {
  readonly #options: ReplacingOptions<U>;
  /** Hellos that were asked for, and the one that the current uplink was opened with. */
  #wanted = 0;
  #said = 0;
  #running: Promise<void> | null = null;
  /** Calls off what replaces an uplink that is not there any more. */
  #needless = new AbortController();

  constructor(options: ReplacingOptions<U>) {
    this.#options = options;
  }

  /** One is being replaced now. */
  get underWay(): boolean {
    return this.#running !== null;
  }

  /** Which hello is about to be said, for {@link said}. */
  get wanted(): number {
    return this.#wanted;
  }

  /** An uplink is up that was opened with this hello. */
  said(hello: number): void {
    this.#said = hello;
  }

  /** An uplink came up in the usual way: replaces it if a newer hello was asked for meanwhile. */
  settle(): void {
    if (this.#said < this.#wanted) void this.#catchUp();
  }

  /** There is nothing to replace: another uplink is dialled in the usual way. */
  stop(): void {
    this.#needless.abort();
    this.#needless = new AbortController();
  }

  /** Resolves when an uplink is up that said hello after this call, or when there is none to replace. */
  async hello(): Promise<void> {
    this.#wanted += 1;
    const wanted = this.#wanted;
    await this.#catchUp();
    // Asked for in the very moment in which another replacement had come to its end.
    if (this.#said < wanted && this.#options.current()?.isOpen) await this.#catchUp();
  }

  /** Replaces this uplink unless it turns out to live. */
  async silent(uplink: U, lives: AbortSignal): Promise<void> {
    await this.#once(() => this.#options.current() === uplink, lives);
  }

  #catchUp(): Promise<void> {
    return this.#once(() => this.#said < this.#wanted);
  }

  #once(needed: () => boolean, calledOff?: AbortSignal): Promise<void> {
    const signals = calledOff === undefined ? [] : [calledOff];
    this.#running ??= this.#run(needed, AbortSignal.any([this.#needless.signal, ...signals])).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run(needed: () => boolean, calledOff: AbortSignal): Promise<void> {
    const { connect, current, failed, log } = this.#options;
    const backoff = new Backoff(this.#options.backoff);
    while (needed() && current() !== null && !calledOff.aborted) {
      try {
        await connect(calledOff);
      } catch (thrown) {
        const error = asFairleadError(thrown, "uplink.lost");
        // The registry may have dropped it for the one that failed.
        if (current()?.isOpen === false) failed(error);
        if (calledOff.aborted || !current()?.isOpen) return;
        log.warn({ code: error.code }, `replacing the uplink failed: ${error.message}`);
        const wait = waitAfter(error.code, () => backoff.next(), this.#options.backoff.random);
        await sleep(wait, calledOff, { ref: false });
      }
    }
  }
}
