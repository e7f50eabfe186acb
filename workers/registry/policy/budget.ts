/**
 * The budget of a site: how much all of its uplinks together may ask of the registry (docs/protocol.md,
 * "Budgets"). Token buckets that may go into debt: a message slightly over budget waits, and a large excess
 * ends the uplink. Kept in memory only: an object that loses them was idle long enough to refill most of
 * them. Pure: the time is passed in.
 */
import { Bucket, type Rate } from "../../limits/bucket.ts";

/** Kinds of work that cost the registry more than parsing a message. */
export type Work =
  | "opening"
  | "offers"
  | "listeners"
  | "ingress"
  | "measured"
  | "status"
  | "renewal"
  | "certificate"
  | "session"
  | "link";

/** Limits of all messages over a site's uplinks and of their characters, checked before parsing. */
export const MESSAGES: Rate = { burst: 3000, perSecond: 100 };
export const CHARACTERS: Rate = { burst: 8 * 1024 * 1024, perSecond: 256 * 1024 };

/**
 * Messages of a site that may be handled without a pause. workerd (1.20261117) reads other sockets only when
 * it is idle. Without pauses, a socket that always has data would monopolise the edge.
 */
export const PACE: Rate = { burst: 300, perSecond: 100 };

/** Pause after a message beyond {@link PACE}, in which the registry receives nothing, ms. */
export const PAUSE_MS = 2;

/**
 * Rates by kind of work. The bursts cover a restart of the edge. A hub with a thousand peers resumes as many
 * sessions, and a site's replicas open uplinks and renew at the same time.
 */
export const WORK: Readonly<Record<Work, Rate>> = {
  opening: { burst: 100, perSecond: 1 },
  offers: { burst: 64, perSecond: 2 },
  listeners: { burst: 64, perSecond: 2 },
  ingress: { burst: 64, perSecond: 2 },
  measured: { burst: 64, perSecond: 1 },
  status: { burst: 20, perSecond: 2 },
  renewal: { burst: 40, perSecond: 0.1 },
  certificate: { burst: 200, perSecond: 0.2 },
  session: { burst: 2000, perSecond: 50 },
  link: { burst: 64, perSecond: 0.5 },
};

/** Longest wait of a message for its site's budget, ms. A site that exceeds this is banned. */
export const MAX_WAIT_MS = 5_000;

/** The budget of one site. */
export class SiteBudget {
  readonly #messages = new Bucket(MESSAGES);
  readonly #characters = new Bucket(CHARACTERS);
  readonly #pace = new Bucket(PACE);
  readonly #work = new Map<Work, Bucket>();

  /**
   * Counts a message of `length` characters (bytes if binary).
   * @returns the time that it must wait, ms, or null if the site is far over budget; and whether a pause is
   * due
   */
  receive(length: number, now: number): { readonly wait: number | null; readonly pause: boolean } {
    const wait = Math.max(this.#messages.take(1, now), this.#characters.take(length, now));
    return { wait: wait > MAX_WAIT_MS ? null : wait, pause: !this.#pace.spend(1, now) };
  }

  /** Takes one unit of a kind of work if available. @returns 0, or the time until it is available, ms */
  spend(work: Work, now: number): number {
    const bucket = this.#bucket(work);
    return bucket.spend(1, now) ? 0 : bucket.wait(1, now);
  }

  isFull(now: number): boolean {
    return [this.#messages, this.#characters, ...this.#work.values()].every((bucket) => bucket.isFull(now));
  }

  #bucket(work: Work): Bucket {
    const known = this.#work.get(work);
    if (known) return known;
    const made = new Bucket(WORK[work]);
    this.#work.set(work, made);
    return made;
  }
}

/** Number of site budgets in memory at which the full ones are dropped. */
const MAX_BUDGETS = 2000;

/** The budgets of a network's sites. */
export class Budgets {
  readonly #sites = new Map<string, SiteBudget>();

  of(site: string, now: number): SiteBudget {
    const known = this.#sites.get(site);
    if (known) return known;
    if (this.#sites.size >= MAX_BUDGETS) this.#forgetFull(now);
    const made = new SiteBudget();
    this.#sites.set(site, made);
    return made;
  }

  #forgetFull(now: number): void {
    for (const [site, budget] of this.#sites) if (budget.isFull(now)) this.#sites.delete(site);
  }
}

/** Duration of the first and of the longest ban, ms. Each ban is twice as long as the previous one. */
const BAN_MS = { first: 10_000, longest: 600_000 } as const;

/** How long after its end a ban still lengthens the next one, ms. */
export const BAN_MEMORY_MS = 3600_000;

/** The stored ban of a site. */
export interface Ban {
  /** End of the ban, ms since 1970. Until then the site may not open an uplink. */
  readonly until: number;
  /** Number of bans in sequence, each shortly after the previous one. */
  readonly strikes: number;
}

/** The next ban of a site that is far over budget. */
export function nextBan(before: Ban | null, now: number): Ban {
  const strikes = before !== null && now - before.until < BAN_MEMORY_MS ? before.strikes + 1 : 1;
  const ms = Math.min(BAN_MS.longest, BAN_MS.first * 2 ** Math.min(strikes - 1, 10));
  return { until: now + ms, strikes };
}

/**
 * Most sockets per allowed uplink of a site. Includes sockets that the registry closed and the connector did
 * not.
 */
const SOCKETS_PER_UPLINK = 3;

/** Most open uplinks of one process: the current one, its replacement, and a lost one. */
const UPLINKS_PER_PROCESS = 3;

/** The sockets that a site has when it opens another uplink. */
export interface OpenSockets {
  /** Open uplinks of the same process. */
  readonly own: number;
  /** Other processes with an open uplink. */
  readonly others: number;
  /** All sockets that still exist, closed by the registry or not. */
  readonly all: number;
}

/** Remaining time of a ban, ms. At most the longest ban, even if the clock was set back. */
export function remainingBan(ban: Ban | null, now: number): number {
  return ban === null ? 0 : Math.min(BAN_MS.longest, Math.max(0, ban.until - now));
}

/** Whether a site may open another uplink. @param limit most processes of the site with an uplink */
export function mayOpenUplink({ own, others, all }: OpenSockets, limit: number): boolean {
  return own < UPLINKS_PER_PROCESS && others < limit && all < limit * SOCKETS_PER_UPLINK;
}
