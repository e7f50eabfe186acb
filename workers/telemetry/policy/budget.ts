/** What sites and viewers may send the object. Pure: the time is passed in. */
import { Bucket, type Rate } from "../../limits/bucket.ts";

/** Messages of all connections of a site, and their characters. */
export const MESSAGES: Rate = { burst: 600, perSecond: 60 };
export const CHARACTERS: Rate = { burst: 16 * 1024 * 1024, perSecond: 512 * 1024 };

/** Messages of a viewer. A full answer is the dearest of them. */
export const VIEWER_MESSAGES: Rate = { burst: 30, perSecond: 1 };

/** Records a second that all tails of a network get together, and those of one site among them. */
export const TAIL_RECORDS: Rate = { burst: 500, perSecond: 500 };
export const SITE_TAIL_RECORDS: Rate = { burst: 250, perSecond: 250 };

/** Most telemetry connections of a site. */
export const MAX_CONNECTIONS = 50;

/** How long a site that is over its budget is refused at least, ms. */
const PENALTY_MS = 10_000;

/** Most sites whose budgets are remembered. */
const MAX_SITES = 2_000;

/** The budgets of sites. */
export class SiteBudgets {
  readonly #sites = new Map<
    string,
    { readonly messages: Bucket; readonly characters: Bucket; readonly records: Bucket }
  >();

  /**
   * Counts a message. Returns whether the site is within its budget; one that is not stays over it for
   * {@link PENALTY_MS}.
   */
  receive(site: string, length: number, now: number): boolean {
    const { messages, characters } = this.#of(site, now);
    if (Math.max(messages.take(1, now), characters.take(length, now)) === 0) return true;
    messages.take((PENALTY_MS / 1000) * MESSAGES.perSecond, now);
    return false;
  }

  /** The time after which the site is within its budget, ms; 0 if it is now. */
  wait(site: string, now: number): number {
    const { messages, characters } = this.#of(site, now);
    return Math.max(messages.wait(1, now), characters.wait(1, now));
  }

  /** How many of some records for tails a site may pass on, so that it displaces no other site's. */
  takeRecords(site: string, count: number, now: number): number {
    const { records } = this.#of(site, now);
    let room = count;
    while (room > 0 && !records.spend(room, now)) room = Math.floor(room / 2);
    return room;
  }

  #of(site: string, now: number) {
    const known = this.#sites.get(site);
    if (known !== undefined) return known;
    if (this.#sites.size >= MAX_SITES) {
      for (const [id, buckets] of this.#sites) {
        if (Object.values(buckets).every((bucket) => bucket.isFull(now))) this.#sites.delete(id);
      }
    }
    const made = {
      messages: new Bucket(MESSAGES),
      characters: new Bucket(CHARACTERS),
      records: new Bucket(SITE_TAIL_RECORDS),
    };
    this.#sites.set(site, made);
    return made;
  }
}
