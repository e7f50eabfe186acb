/**
 * What may have changed since the viewers of a live channel were last told: ids of sites and of events. Pure. A change
 * of a site concerns its links and services too.
 */

/** Sites of which one flush describes each by itself; with more, it describes the whole network once. */
const MOST_SITES = 500;

export class LiveChanges {
  #all = false;
  #sites = new Set<string>();
  #folded = new Set<number>();

  /** @param site its id; null if any site may have changed */
  site(site: string | null): void {
    if (site === null) this.#all = true;
    else this.#sites.add(site);
  }

  /** @param id of an event that took up another one */
  folded(id: number): void {
    this.#folded.add(id);
  }

  /** Returns the changes and forgets them. `sites` is null for all. */
  take(): { readonly sites: ReadonlySet<string> | null; readonly folded: readonly number[] } {
    const sites = this.#all || this.#sites.size > MOST_SITES ? null : this.#sites;
    const folded = [...this.#folded];
    this.#all = false;
    this.#sites = new Set();
    this.#folded = new Set();
    return { sites, folded };
  }
}
