/**
 * The round trip to the edge, from the answers to the keep-alive: no message of its own. The registry is told rarely:
 * each telling wakes it, and an idle network shall cost nothing.
 */

/** Between two tellings on the same uplink, ms. */
export const TELL_EVERY_MS = 10 * 60_000;

/** What is told again differs from what was told by this part of it, and by this much, ms: small ones vary by chance. */
const CHANGED_PART = 0.5;
const CHANGED_MS = 5;

/** The latest answers that count; one slow answer among them changes nothing. */
const SAMPLES = 5;

export class RoundTrip {
  #samples: number[] = [];
  #told: { readonly rtt: number; readonly at: number } | null = null;

  /** The median of the last answers, ms; null before the first. */
  get value(): number | null {
    const sorted = [...this.#samples].sort((left, right) => left - right);
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
  }

  /** Another uplink: the registry knows nothing about it yet, and the way may be another. */
  restart(): void {
    this.#samples = [];
    this.#told = null;
  }

  /** Takes an answer's round trip, ms. Returns what the registry is to be told at `now` (ms), or null. */
  measured(ms: number, now: number): number | null {
    // Hundredths of a millisecond say nothing about a way through the network.
    const sample = Math.max(0, Math.round(ms * 10) / 10);
    this.#samples = [...this.#samples, sample].slice(-SAMPLES);
    const rtt = this.value;
    if (rtt === null || !this.#worthTelling(rtt, now)) return null;
    this.#told = { rtt, at: now };
    return rtt;
  }

  #worthTelling(rtt: number, now: number): boolean {
    const told = this.#told;
    if (told === null) return true;
    if (now - told.at < TELL_EVERY_MS) return false;
    return Math.abs(rtt - told.rtt) >= Math.max(told.rtt * CHANGED_PART, CHANGED_MS);
  }
}
