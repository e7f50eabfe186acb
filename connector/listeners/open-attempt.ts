/** One client's attempt at an instance: opens a stream there, and waits until the peer accepts the stream. */
import { FairleadError } from "../../protocol/errors.ts";
import type { VisibleOffer } from "../../protocol/uplink/messages.ts";
import { withTimeout } from "../async/timeout.ts";
import type { RelayStream } from "../relay/relay.ts";
import { OpenDeadline } from "./open-deadline.ts";
import type { OpeningStream, OpenStreamOptions } from "./open-stream.ts";

/**
 * It runs for every connection and request, so it is one object with one promise of its own: a chain of asynchronous
 * functions cost a fifth of an opening.
 */
export class OpenAttempt {
  readonly #options: OpenStreamOptions;
  readonly #instance: VisibleOffer;
  /** Whether there is no other instance to try. */
  readonly #only: boolean;
  #isAccepted = false;

  constructor(options: OpenStreamOptions, instance: VisibleOffer, only: boolean) {
    this.#options = options;
    this.#instance = instance;
    this.#only = only;
  }

  /** Whether the peer has accepted the stream. It may have done so although the attempt failed. */
  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  /**
   * Resolves with the stream once the peer has accepted it. Call it once.
   * @param limitMs how long a session may take to open, ms
   * @throws FairleadError the peer's refusal, the end of the stream before an answer, or session.timeout
   */
  run(limitMs: number): Promise<RelayStream> {
    const { open, service, flow } = this.#options;
    flow.setPeer(this.#instance);
    const opening = open(service, this.#instance);
    if (!(opening instanceof Promise)) return this.#answer(opening);
    return inTime(opening, limitMs, this.#instance).then((stream) => this.#answer(stream));
  }

  #answer(stream: OpeningStream): Promise<RelayStream> {
    const { signal, early, flow, repeats } = this.#options;
    flow.setStream(stream);
    return new Promise((resolve, reject) => {
      let closed: Error | null = null;
      const leave = () => stream.destroy();
      const settle = (): void => {
        deadline.clear();
        signal.removeEventListener("abort", leave);
        stream.off("close", close);
      };
      const succeed = (): void => {
        settle();
        flow.toTarget.add(early.bytes);
        early.accepted();
        resolve(stream);
      };
      const fail = (error: unknown): void => {
        settle();
        stream.destroy();
        // Who has rules of its own for what a target may have gets the stream as it is: accepted, and closed.
        if (this.#isAccepted && repeats !== undefined && !signal.aborted) succeed();
        else reject(error);
      };
      // A stream that was cut may never settle `accepted`. An ACCEPT that came with the reset still counts: its
      // reaction is in the queue already.
      const close = (): void => {
        closed = stream.errored ?? new FairleadError("session.lost");
        queueMicrotask(() => fail(closed));
      };
      const deadline = this.#deadline(stream);
      stream.on("close", close);
      stream.accepted.then(() => {
        this.#isAccepted = true;
        if (closed === null) succeed();
      }, fail);
      if (signal.aborted) {
        fail(new FairleadError("stream.cancelled"));
        return;
      }
      signal.addEventListener("abort", leave);
      early.sendTo(stream);
    });
  }

  #deadline(stream: OpeningStream): OpenDeadline {
    const { life, early, repeats, now } = this.#options;
    return new OpenDeadline({
      life: () => life(this.#instance),
      patient: () => this.#only || (early.sent && repeats?.possible !== true),
      expired: (error) => stream.destroy(error),
      peer: this.#instance.siteName,
      now,
    });
  }
}

/** Limits the time to open a session. A stream that opens later is destroyed before its OPEN is sent. */
function inTime(
  opening: Promise<OpeningStream>,
  limitMs: number,
  peer: VisibleOffer,
): Promise<OpeningStream> {
  return withTimeout(opening, limitMs, () => {
    void opening.then(
      (stream) => stream.destroy(),
      () => {},
    );
    const why = `No session with site ${peer.siteName} within ${Math.round(limitMs)} ms.`;
    return new FairleadError("session.timeout", why);
  });
}
