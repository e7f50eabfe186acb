/**
 * Paces what is told of links. A notice lists all links of a site, and a site may have issued a thousand: when their
 * joiners come up one after another, not each of them makes a list. Timers of the object's memory: a pending one
 * keeps it awake, but for half a second at most.
 */

/** How long one listed link keeps the next notice back, ms. */
const PER_LINK_MS = 1;
const LONGEST_MS = 500;
/** NoticeThrottle of so few links are never kept back. */
const FREE_LINKS = 16;

export class NoticeThrottle {
  /** When a site may be told again, ms. */
  readonly #nextAt = new Map<string, number>();
  readonly #pending = new Map<string, () => number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Tells a site now, or soon when it was told a moment ago; what comes schedule meanwhile is told once.
   * @param send sends the state of that moment, and gives the number of links that it listed
   */
  schedule(site: string, send: () => number): void {
    const wait = (this.#nextAt.get(site) ?? 0) - this.#now();
    if (wait <= 0 && !this.#pending.has(site)) {
      this.#send(site, send);
      return;
    }
    const first = !this.#pending.has(site);
    this.#pending.set(site, send);
    if (first) setTimeout(() => this.#sendPending(site), wait);
  }

  #sendPending(site: string): void {
    const send = this.#pending.get(site);
    this.#pending.delete(site);
    if (send) this.#send(site, send);
  }

  #send(site: string, send: () => number): void {
    const links = send();
    if (links <= FREE_LINKS) this.#nextAt.delete(site);
    else this.#nextAt.set(site, this.#now() + Math.min(LONGEST_MS, links * PER_LINK_MS));
  }
}
