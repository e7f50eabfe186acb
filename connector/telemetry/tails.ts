/**
 * The tails of a connector: who watches which records. A record that matches is sent at the next {@link Tails.flush};
 * what exceeds a tail's rate is counted instead.
 */

import { type FlowTerm, matchesNetworkFlow, parseFlowFilter } from "../../protocol/telemetry/flow-filter.ts";
import type { FlowRecord, SiteFlowRecord } from "../../protocol/telemetry/flow-record.ts";
import { MAX_TAIL_RECORDS, MAX_TAILS, type Tail } from "../../protocol/telemetry/messages.ts";

/** The most records with which a tail begins: those of the last minute, the newest of them. */
export const FIRST_RECORDS = 100;

/** Records for a tail, oldest first, and how many matched and were left out. */
export interface TailRecords {
  readonly tail: number;
  readonly records: FlowRecord[];
  readonly left: number;
}

interface Running {
  readonly terms: readonly FlowTerm[];
  records: FlowRecord[];
  left: number;
  /** How many more records this second may have. */
  room: number;
  refilledAt: number;
}

export class Tails {
  readonly #running = new Map<number, Running>();

  /** Whether anybody watches. */
  get isEmpty(): boolean {
    return this.#running.size === 0;
  }

  /**
   * Starts a tail, or starts it again with another filter.
   *
   * @param earlier the records of the last minute, newest first; read as far as needed
   * @param now a clock that never goes back, ms
   * @throws FairleadError request.invalid when the filter cannot be parsed
   */
  start({ id, filter }: Tail, earlier: Iterable<SiteFlowRecord>, now: number): void {
    const terms = parseFlowFilter(filter);
    if (this.#running.size >= MAX_TAILS && !this.#running.has(id)) return;
    const records: FlowRecord[] = [];
    let left = 0;
    for (const record of earlier) {
      if (!matchesNetworkFlow(terms, record)) continue;
      if (records.length < FIRST_RECORDS) records.push(withoutSite(record));
      else left++;
    }
    this.#running.set(id, {
      ...{ terms, records: records.reverse(), left },
      ...{ room: MAX_TAIL_RECORDS, refilledAt: now },
    });
  }

  stop(id: number): void {
    this.#running.delete(id);
  }

  /** Ends all tails. */
  clear(): void {
    this.#running.clear();
  }

  /** Offers a record to all tails. `now` as in {@link start}. */
  offer(record: SiteFlowRecord, now: number): void {
    for (const tail of this.#running.values()) {
      if (!matchesNetworkFlow(tail.terms, record)) continue;
      if (now - tail.refilledAt >= 1000) {
        tail.refilledAt = now;
        tail.room = MAX_TAIL_RECORDS;
      }
      if (tail.room > 0) {
        tail.room--;
        tail.records.push(withoutSite(record));
      } else tail.left++;
    }
  }

  /** What is to be sent now. */
  flush(): TailRecords[] {
    const flushed: TailRecords[] = [];
    for (const [tail, running] of this.#running) {
      const { records, left } = running;
      if (records.length === 0 && left === 0) continue;
      flushed.push({ tail, records, left });
      running.records = [];
      running.left = 0;
    }
    return flushed;
  }
}

function withoutSite({ site: _, ...record }: SiteFlowRecord): FlowRecord {
  return record;
}
