/**
 * The notable among the streams and requests since the last report: those that failed, and the slowest. Adding costs a
 * comparison or two.
 */
import { MAX_NOTABLE } from "../../protocol/telemetry/messages.ts";
import { hasFailed } from "./aggregator.ts";
import { isReport, type Recorded } from "./flow-records.ts";

export class NotableRecords {
  readonly #max: number;
  #failed: Recorded[] = [];
  /** Failures that have no place any more, to which the next one belongs. */
  #replace = 0;
  /** Clients that left. They are kept as long as there is place. */
  #left: Recorded[] = [];
  /** The slowest, in ascending order. */
  #slow: Recorded[] = [];

  constructor(max = MAX_NOTABLE) {
    this.#max = max;
  }

  /** Notes a stream or a request that has ended. */
  add(recorded: Recorded): void {
    if (isReport(recorded) ? hasFailed(recorded) : recorded.outcome !== "completed")
      this.#addFailed(recorded);
    else this.#addSlow(recorded);
  }

  /** The notable ones since the last call: failures first, then the slowest. */
  take(): Recorded[] {
    const taken = [...this.#failed, ...this.#slow.toReversed(), ...this.#left].slice(0, this.#max);
    this.#failed = [];
    this.#left = [];
    this.#slow = [];
    this.#replace = 0;
    return taken;
  }

  #addFailed(recorded: Recorded): void {
    if (recorded.outcome === "stream.cancelled") {
      if (this.#left.length < this.#max) this.#left.push(recorded);
    } else if (this.#failed.length < this.#max) this.#failed.push(recorded);
    else {
      // The latest failures say most about what is wrong now.
      this.#failed[this.#replace] = recorded;
      this.#replace = (this.#replace + 1) % this.#max;
    }
  }

  #addSlow(recorded: Recorded): void {
    const ms = slownessOf(recorded);
    const slow = this.#slow;
    const [fastest] = slow;
    if (slow.length >= this.#max && fastest !== undefined && ms <= slownessOf(fastest)) return;
    let at = slow.length;
    while (at > 0 && slownessOf(slow[at - 1] ?? recorded) > ms) at--;
    slow.splice(at, 0, recorded);
    if (slow.length > this.#max) slow.shift();
  }
}

/** How long the client waited: for a whole response, or for a stream's first byte. A stream may last for hours. */
function slownessOf(recorded: Recorded): number {
  return isReport(recorded) ? recorded.ms : (recorded.firstByteMs ?? 0);
}
