/**
 * Bounds the memory that peers can make a process hold (docs/protocol.md, "Credit"). Each peer site has one
 * account for all its sessions: unread bytes of streams, bytes that wait to be sent, out-of-order bytes, and
 * a cost for each stream. A site may fill a quarter of the budget. Once three quarters of the budget are
 * full, each site may fill an equal share. So a site whose bytes are not read reaches its own limit, and
 * other sites are not affected.
 *
 * Nothing waits for memory, so nothing can deadlock. The streams of a `tight` account get smaller windows,
 * down to {@link LEAST_WINDOW} each. An account that is `over` gets no new streams, and its streams that
 * buffer more are reset.
 */

/** Bytes that a stream may always send ahead of its reader. */
export const LEAST_WINDOW = 16 * 1024;

/** Memory counted for each open stream beside its bytes, bytes. */
export const STREAM_COST = 2 * 1024;

/** The budget of a process unless configured, bytes. */
export const DEFAULT_MEMORY = 1024 * 1024 * 1024;

/** The memory that one site makes this process hold. */
export interface MemoryAccount {
  /** Bytes held. */
  readonly used: number;
  /** Above half of the site's share: windows stay small. */
  readonly tight: boolean;
  /** At the site's share: a stream that buffers more is reset. */
  readonly over: boolean;
  /** At 1.25 times the site's share: nothing more may be buffered. */
  readonly full: boolean;
  /** Adds `bytes`, which may be negative. */
  add(bytes: number): void;
}

/** An account without limit. */
export const UNLIMITED: MemoryAccount = { used: 0, tight: false, over: false, full: false, add() {} };

const SITE_SHARE = 1 / 4;
const FULL_SHARE = 3 / 4;
/** Multiples of its share at which an account is full. */
const FULL = 1.25;

/** The memory of one process, shared by the accounts of all sites. */
export class MemoryBudget {
  /** Bytes in all. */
  readonly total: number;
  readonly #accounts = new Map<string, SiteAccount>();
  #used = 0;
  #isFull = false;
  /**
   * Bytes that one site may have at the moment. It is read for each piece that arrives, so it is not computed
   * then.
   */
  share: number;

  /** @param total bytes in all */
  constructor(total: number = DEFAULT_MEMORY) {
    this.total = total;
    this.share = total * SITE_SHARE;
  }

  /** Bytes held for all sites. */
  get used(): number {
    return this.#used;
  }

  /** The account of a site, for one session. The session calls {@link close} when it ends. */
  open(site: string): MemoryAccount {
    const known = this.#accounts.get(site);
    const account = known ?? new SiteAccount(this);
    if (known === undefined) this.#accounts.set(site, account);
    account.sessions++;
    this.#review();
    return account;
  }

  /** Notes that a session of the site has ended. The account goes with the last session. */
  close(site: string): void {
    const account = this.#accounts.get(site);
    if (account === undefined) return;
    account.sessions--;
    if (account.sessions === 0) this.#accounts.delete(site);
    this.#review();
  }

  /** Adds `bytes`, which may be negative, to the total. Only accounts call it. */
  add(bytes: number): void {
    this.#used += bytes;
    if (this.#used >= this.total * FULL_SHARE !== this.#isFull) this.#review();
  }

  #review(): void {
    this.#isFull = this.#used >= this.total * FULL_SHARE;
    const most = this.total * SITE_SHARE;
    this.share = this.#isFull ? Math.min(most, this.total / Math.max(1, this.#accounts.size)) : most;
  }
}

/** The account of one site. Its limits follow the budget's share. */
class SiteAccount implements MemoryAccount {
  readonly #budget: MemoryBudget;
  #used = 0;
  /** Sessions that share the account. */
  sessions = 0;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  get used(): number {
    return this.#used;
  }
  get tight(): boolean {
    return this.#used * 2 > this.#budget.share;
  }
  get over(): boolean {
    return this.#used >= this.#budget.share;
  }
  get full(): boolean {
    return this.#used >= this.#budget.share * FULL;
  }

  add(bytes: number): void {
    this.#used += bytes;
    this.#budget.add(bytes);
  }
}
