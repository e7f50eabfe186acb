/**
 * A stream over a simulated path with a bottleneck, its queue, a delay in each direction, and the rates of
 * sender and reader. The clock jumps from event to event. Rates are bytes per ms.
 */
import { ReceiveWindow, SendCredit } from "../../../../protocol/streams/flow-control.ts";
import { SessionWindow } from "../../../../protocol/streams/session-window.ts";

export interface PathOptions {
  rate: number;
  /** Round trip of the empty path, ms. */
  rtt: number;
  sender?: number;
  reader?: number;
}

const FRAME = 16 * 1024;

export class Path {
  now = 0;
  consumed = 0;
  mostHeld = 0;
  reader: number;
  readonly windows = new SessionWindow({ initial: 256 * 1024, now: () => this.now });
  readonly window = new ReceiveWindow(this.windows);
  readonly #credit = new SendCredit();
  readonly #options: PathOptions;
  #events: { at: number; run: () => void }[] = [];
  /** When the bottleneck has sent its queue. */
  #busyUntil = 0;
  /** When the sender has its next bytes. */
  #nextData = 0;
  #readerBusy = false;

  constructor(options: PathOptions) {
    this.#options = options;
    this.reader = options.reader ?? Number.POSITIVE_INFINITY;
    this.#credit.grant(this.windows.initial);
    this.#send();
  }

  run(ms: number): void {
    const end = this.now + ms;
    this.#read();
    for (;;) {
      const next = this.#events[0];
      if (next === undefined || next.at > end) break;
      this.#events.shift();
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }

  /** Sends as much as the credit allows. The bottleneck queues it. */
  #send(): void {
    const { rate, rtt, sender } = this.#options;
    while (this.#credit.available > 0) {
      if (sender !== undefined && this.now < this.#nextData) {
        this.#at(this.#nextData, () => this.#send());
        return;
      }
      const bytes = Math.min(FRAME, this.#credit.available);
      this.#credit.spend(bytes);
      if (sender !== undefined) this.#nextData = this.now + bytes / sender;
      this.#busyUntil = Math.max(this.#busyUntil, this.now) + bytes / rate;
      this.#at(this.#busyUntil + rtt / 2, () => this.#arrive(bytes));
    }
  }

  #arrive(bytes: number): void {
    this.window.receive(bytes);
    this.mostHeld = Math.max(this.mostHeld, this.window.held);
    this.#read();
  }

  #read(): void {
    if (this.#readerBusy || this.reader === 0) return;
    const bytes = Math.min(this.window.held, FRAME);
    if (bytes === 0) return;
    if (this.reader === Number.POSITIVE_INFINITY) {
      this.#consume(bytes);
      this.#read();
      return;
    }
    this.#readerBusy = true;
    this.#at(this.now + bytes / this.reader, () => {
      this.#readerBusy = false;
      this.#consume(bytes);
      this.#read();
    });
  }

  #consume(bytes: number): void {
    this.consumed += bytes;
    if (!this.window.consume(bytes)) return;
    const grant = this.window.takeGrant();
    if (grant === 0) return;
    this.#at(this.now + this.#options.rtt / 2, () => {
      this.#credit.grant(grant);
      this.#send();
    });
  }

  #at(at: number, run: () => void): void {
    let index = this.#events.length;
    while (index > 0 && (this.#events[index - 1]?.at ?? 0) > at) index--;
    this.#events.splice(index, 0, { at, run });
  }
}
