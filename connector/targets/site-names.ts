/** The current names of sites, by id, as the registry mentions them. A session keeps the name that its peer had first. */
import type { Peer } from "../config/scope.ts";

export class SiteNames {
  readonly #names = new Map<string, string>();

  /** Returns whether a known site has another name now. */
  note(sites: Iterable<Peer>): boolean {
    let changed = false;
    for (const { site, siteName } of sites) {
      const before = this.#names.get(site);
      this.#names.set(site, siteName);
      changed ||= before !== undefined && before !== siteName;
    }
    return changed;
  }

  /** The newest name of a site, by its id; null while it is unknown. */
  nameOf(site: string): string | null {
    return this.#names.get(site) ?? null;
  }

  /** The peer under its newest name. */
  current<P extends Peer>(peer: P): P {
    const siteName = this.#names.get(peer.site) ?? peer.siteName;
    return siteName === peer.siteName ? peer : { ...peer, siteName };
  }
}
