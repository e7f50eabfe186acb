/**
 * How much memory peers may make a process hold. Every site has an account, which all its sessions share: bytes that
 * its streams were sent and nobody has read yet, bytes kept for want of earlier ones, and what each stream costs. One
 * site may fill a quarter of the budget; once three quarters of all are full, equal shares count. So a site that makes
 * others' bytes pile up reaches its own limit, and the others go on.
 *
 * Nothing waits for memory, so nothing can deadlock: an account that is `tight` gets smaller windows, down to
 * {@link LEAST_WINDOW} each, and one that is `over` no new streams, and those of its streams end that pile up more.
 */

/** What a stream may always send ahead of its reader, bytes. */
export const LEAST_WINDOW = 16 * 1024;

/** Counted for each open stream beside its bytes. */
export const STREAM_COST = 2 * 1024;

/** A budget of a process that is told none, bytes. */
export const DEFAULT_MEMORY = 1024 * 1024 * 1024;

/** What one site may hold. */
export interface MemoryAccount {
  /** Bytes held. */
  readonly used: number;
  /** More than half of what it may have: windows stay small. */
  readonly tight: boolean;
  /** All that it may have: what piles up on a stream ends it. */
  readonly over: boolean;
  /** A quarter more than that: nothing may pile up any more. */
  readonly full: boolean;
  /** Notes that it holds `bytes` more, or less where negative. */
  add(bytes: number): void;
}

/** One that nothing limits. */
export const UNLIMITED: MemoryAccount = { used: 0, tight: false, over: false, full: false, add() {} };

const SITE_SHARE = 1 / 4;
const FULL_SHARE = 3 / 4;
/** Times what an account may have. */
const FULL = 1.25;

export class MemoryBudget {
  readonly total: number;
  readonly #accounts = new Map<string, SiteAccount>();
  #used = 0;
  #isFull = false;
  /** What one site may have at the moment, bytes: asked for each piece that comes, so it is kept. */
  share: number;

  /** @param total bytes */
  constructor(total: number = DEFAULT_MEMORY) {
    this.total = total;
    this.share = total * SITE_SHARE;
  }

  /** Bytes held for all sites. */
  get used(): number {
    return this.#used;
  }

  /** The account of a site, for a session that then calls {@link close}. */
  open(site: string): MemoryAccount {
    const known = this.#accounts.get(site);
    const account = known ?? new SiteAccount(this);
    if (known === undefined) this.#accounts.set(site, account);
    account.sessions++;
    this.#review();
    return account;
  }

  /** A session of the site has ended. */
  close(site: string): void {
    const account = this.#accounts.get(site);
    if (account === undefined) return;
    account.sessions--;
    if (account.sessions === 0) this.#accounts.delete(site);
    this.#review();
  }

  /** An account holds `bytes` more, or less. For accounts. */
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

class SiteAccount implements MemoryAccount {
  readonly #budget: MemoryBudget;
  #used = 0;
  /** Sessions that share it. */
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
