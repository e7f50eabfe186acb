/**
 * What one site may ask of the registry, all of its uplinks together (docs/protocol.md, "Budgets"). Token buckets that
 * may go into debt: a little too much waits, far too much ends the uplink. Kept in memory only, since an object that
 * forgets them has been idle for long enough to fill most of them. Pure: the clock is passed in.
 */

/** A bucket's size and how fast it fills. */
export interface Rate {
  /** How many at once. */
  readonly burst: number;
  readonly perSecond: number;
}

/** What costs the registry more than reading a message, by what asks for it. */
export type Work =
  | "opening"
  | "offers"
  | "listeners"
  | "measured"
  | "status"
  | "renewal"
  | "session"
  | "link";

/** Every message over an uplink, and its characters: looked at before the message is. */
export const MESSAGES: Rate = { burst: 3000, perSecond: 100 };
export const CHARACTERS: Rate = { burst: 8 * 1024 * 1024, perSecond: 256 * 1024 };

/**
 * How many messages a site may have handled without a pause. workerd (1.20261117) looks at other sockets only when it has
 * nothing left to do, so that one from which more can always be read would have the whole edge for itself.
 */
export const PACE: Rate = { burst: 300, perSecond: 100 };

/** How long the registry takes in nothing after a message beyond that, ms. */
export const PAUSE_MS = 2;

/**
 * A hub with a thousand peers resumes as many sessions after a restart of the edge, and the replicas of a site open
 * their uplinks and renew at the same time: the bursts are wide enough for these.
 */
export const WORK: Readonly<Record<Work, Rate>> = {
  opening: { burst: 100, perSecond: 1 },
  offers: { burst: 64, perSecond: 2 },
  listeners: { burst: 64, perSecond: 2 },
  measured: { burst: 64, perSecond: 1 },
  status: { burst: 20, perSecond: 2 },
  renewal: { burst: 40, perSecond: 0.1 },
  session: { burst: 2000, perSecond: 50 },
  link: { burst: 64, perSecond: 0.5 },
};

/** The longest that a message waits for its site's budget, ms: a site that sends more than that is cut off. */
export const MAX_WAIT_MS = 5_000;

/** One token bucket. */
export class Bucket {
  readonly #rate: Rate;
  /** When the bucket is full again, ms. */
  #fullAt = 0;
  /** The newest time that was passed in, ms: a clock that is set back afterwards takes the bucket's times with it. */
  #seenAt = 0;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** How long until `count` could be taken without debt, ms; 0 for now. */
  wait(count: number, now: number): number {
    this.#followClock(now);
    const { burst, perSecond } = this.#rate;
    const full = Math.max(this.#fullAt, now) + (count / perSecond) * 1000;
    return Math.max(0, Math.ceil(full - now - (burst / perSecond) * 1000));
  }

  /** Takes `count`, into debt if need be. @returns how long the debt takes to be paid, ms; 0 without one */
  take(count: number, now: number): number {
    const wait = this.wait(count, now);
    this.#fullAt = Math.max(this.#fullAt, now) + (count / this.#rate.perSecond) * 1000;
    return wait;
  }

  /** Takes `count` if it is there without debt. */
  spend(count: number, now: number): boolean {
    if (this.wait(count, now) > 0) return false;
    this.take(count, now);
    return true;
  }

  isFull(now: number): boolean {
    this.#followClock(now);
    return this.#fullAt <= now;
  }

  #followClock(now: number): void {
    if (now < this.#seenAt) this.#fullAt -= this.#seenAt - now;
    this.#seenAt = now;
  }
}

/** The budget of one site. */
export class SiteBudget {
  readonly #messages = new Bucket(MESSAGES);
  readonly #characters = new Bucket(CHARACTERS);
  readonly #pace = new Bucket(PACE);
  readonly #work = new Map<Work, Bucket>();

  /**
   * Counts a message of `length` characters (or bytes, if it is binary).
   * @returns how long it is to wait, ms; null when the site sends far more than it may. And whether a pause is due.
   */
  receive(length: number, now: number): { readonly wait: number | null; readonly pause: boolean } {
    const wait = Math.max(this.#messages.take(1, now), this.#characters.take(length, now));
    return { wait: wait > MAX_WAIT_MS ? null : wait, pause: !this.#pace.spend(1, now) };
  }

  /** Takes one of a kind of work if the budget has it. @returns 0, or the ms until it has */
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

/** How many sites' budgets are kept before those that are full again are forgotten. */
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

/** The first ban, and the longest, ms; each is twice the one before. */
const BAN_MS = { first: 10_000, longest: 600_000 } as const;

/** How long after its end a ban still counts for the next one, ms. */
export const BAN_MEMORY_MS = 3600_000;

/** What is known of a site that was cut off for what it sent. */
export interface Ban {
  /** Until when it may open no uplink, ms since 1970. */
  readonly until: number;
  /** How many bans there were, each not long after the one before. */
  readonly strikes: number;
}

/** The ban of a site that sent far more than it may. */
export function nextBan(before: Ban | null, now: number): Ban {
  const strikes = before !== null && now - before.until < BAN_MEMORY_MS ? before.strikes + 1 : 1;
  const ms = Math.min(BAN_MS.longest, BAN_MS.first * 2 ** Math.min(strikes - 1, 10));
  return { until: now + ms, strikes };
}

/** Most sockets of a site for each uplink that it may have: closed ones whose connectors do not close them count too. */
const SOCKETS_PER_UPLINK = 3;

/** Uplinks that one process may have open: the one in use, one in its place, and one that it has lost. */
const UPLINKS_PER_PROCESS = 3;

/** The sockets that a site has when it opens another one. */
export interface OpenSockets {
  /** Uplinks of the process that opens it. */
  readonly own: number;
  /** Processes with an uplink beside that one. */
  readonly others: number;
  /** All sockets that are not gone yet, closed or not. */
  readonly all: number;
}

/** How long a site is still banned, ms: never longer than a ban lasts, even if the clock was set back. */
export function remainingBan(ban: Ban | null, now: number): number {
  return ban === null ? 0 : Math.min(BAN_MS.longest, Math.max(0, ban.until - now));
}

/** Whether a site may open one more uplink. @param limit how many processes of it may have one */
export function mayOpenUplink({ own, others, all }: OpenSockets, limit: number): boolean {
  return own < UPLINKS_PER_PROCESS && others < limit && all < limit * SOCKETS_PER_UPLINK;
}
