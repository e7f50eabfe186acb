/**
 * Paces what is told of links. A notice lists all links of a site, and a site may have issued a thousand: when their
 * joiners come up one after another, not each of them makes a list. Timers of the object's memory: a pending one
 * keeps it awake, but for half a second at most.
 */

/** How long one listed link keeps the next notice back, ms. */
const PER_LINK_MS = 1;
const LONGEST_MS = 500;
/** Notices of so few links are never kept back. */
const FREE_LINKS = 16;

export class Notices {
  /** When a site may be told again, ms. */
  readonly #next = new Map<string, number>();
  readonly #pending = new Map<string, () => number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Tells a site now, or soon when it was told a moment ago; what comes due meanwhile is told once.
   * @param tell sends the state of that moment, and gives the number of links that it listed
   */
  due(site: string, tell: () => number): void {
    const wait = (this.#next.get(site) ?? 0) - this.#now();
    if (wait <= 0 && !this.#pending.has(site)) {
      this.#tell(site, tell);
      return;
    }
    const first = !this.#pending.has(site);
    this.#pending.set(site, tell);
    if (first) setTimeout(() => this.#wake(site), wait);
  }

  #wake(site: string): void {
    const tell = this.#pending.get(site);
    this.#pending.delete(site);
    if (tell) this.#tell(site, tell);
  }

  #tell(site: string, tell: () => number): void {
    const links = tell();
    if (links <= FREE_LINKS) this.#next.delete(site);
    else this.#next.set(site, this.#now() + Math.min(LONGEST_MS, links * PER_LINK_MS));
  }
}
