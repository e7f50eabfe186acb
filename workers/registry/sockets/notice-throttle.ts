/**
 * The throttle of link notices. A notice lists all links of a site, and a site may have issued a thousand. If
 * their joiners come up one after another, their changes are combined. The timers are in memory and keep the
 * object awake for at most half a second.
 */

/** Delay of the next notice per listed link, ms. */
const PER_LINK_MS = 1;
const LONGEST_MS = 500;
/** Notices with at most this many links are never delayed. */
const FREE_LINKS = 16;

export class NoticeThrottle {
  /** When the next notice to a site may be sent, ms. */
  readonly #nextAt = new Map<string, number>();
  readonly #pending = new Map<string, () => number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Sends a notice now, or after the delay of the previous one. Calls during the delay are combined into one
   * notice.
   * @param send sends the present state, and returns the number of listed links
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
