/**
 * The round trip to the edge, measured on the keep-alive without further messages. It is reported to the
 * registry rarely: each report wakes the registry, and an idle network must cost nothing.
 */

/** Least time between two reports on one uplink, ms. */
export const REPORT_INTERVAL_MS = 10 * 60_000;

/** A change is reported from this fraction of the last report on. */
const CHANGED_FRACTION = 0.5;
/** A change is reported from this much on, ms. */
const CHANGED_MS = 5;

/** Count of samples in the median, so that one slow answer does not change it. */
const SAMPLES = 5;

export class Rtt {
  #samples: number[] = [];
  #reported: { readonly rtt: number; readonly at: number } | null = null;

  /** The median of the last samples, ms; null before the first. */
  get median(): number | null {
    const sorted = [...this.#samples].sort((left, right) => left - right);
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
  }

  /** Drops samples and report: another uplink has another path, and the registry knows nothing of it. */
  reset(): void {
    this.#samples = [];
    this.#reported = null;
  }

  /** Adds a sample, ms. Returns the round trip to report to the registry at `now` (ms), or null. */
  add(ms: number, now: number): number | null {
    // Hundredths of a millisecond are noise.
    const sample = Math.max(0, Math.round(ms * 10) / 10);
    this.#samples = [...this.#samples, sample].slice(-SAMPLES);
    const rtt = this.median;
    if (rtt === null || !this.#isWorthReporting(rtt, now)) return null;
    this.#reported = { rtt, at: now };
    return rtt;
  }

  #isWorthReporting(rtt: number, now: number): boolean {
    const reported = this.#reported;
    if (reported === null) return true;
    if (now - reported.at < REPORT_INTERVAL_MS) return false;
    return Math.abs(rtt - reported.rtt) >= Math.max(reported.rtt * CHANGED_FRACTION, CHANGED_MS);
  }
}
