/** The current catalogue, and who waits for it to change. */
import type { VisibleService } from "../../protocol/uplink/messages.ts";
import { type Log, silent } from "../log.ts";
import {
  type Catalogue,
  EMPTY_CATALOGUE,
  fromWelcome,
  leftOver,
  reachable,
  withChanges,
} from "./catalogue.ts";

/** Services that a connector takes from its edge: each has a listener, which takes a descriptor. */
export const MAX_SERVICES = 10_000;

interface CatalogueChange {
  readonly put: readonly VisibleService[];
  readonly gone: readonly string[];
  readonly complete?: boolean | undefined;
}

export class CatalogueView {
  readonly #onChange: () => void;
  readonly #log: Log;
  #dropped = 0;
  readonly #waiters = new Set<() => void>();
  #catalogue: Catalogue = EMPTY_CATALOGUE;
  /** Known from before a welcome that is not all yet. */
  #stale: ReadonlySet<string> = new Set();

  constructor(onChange: () => void, log: Log = silent) {
    this.#onChange = onChange;
    this.#log = log;
  }

  lookup(name: string): VisibleService | undefined {
    return this.#catalogue.get(name);
  }

  /** Services that another site offers. */
  reachable(): VisibleService[] {
    return reachable(this.#catalogue);
  }

  /** @param more what follows in changes belongs to it, until one is `complete` */
  welcome(services: readonly VisibleService[], more = false): void {
    this.#stale = more ? leftOver(this.#catalogue, services) : new Set();
    this.#set(more ? withChanges(this.#catalogue, { put: services, gone: [] }) : fromWelcome(services));
  }

  change({ put, gone, complete = false }: CatalogueChange): void {
    const told = new Set(put.map(({ name }) => name));
    this.#stale = new Set([...this.#stale].filter((name) => !told.has(name)));
    const over = complete ? this.#stale : new Set<string>();
    if (complete) this.#stale = new Set();
    this.#set(withChanges(this.#catalogue, { put, gone: [...gone, ...over] }));
  }

  /** Resolves at the next change, after `ms`, or when `signal` aborts. */
  changed(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
      this.#waiters.add(done);
    });
  }

  #set(catalogue: Catalogue): void {
    const dropped = Math.max(0, catalogue.size - MAX_SERVICES);
    if (dropped > 0 && this.#dropped === 0) {
      const text = `the edge names more than ${MAX_SERVICES} services: those told last are left out`;
      this.#log.warn({ services: catalogue.size }, text);
    }
    this.#dropped = dropped;
    this.#catalogue = dropped > 0 ? new Map([...catalogue].slice(0, MAX_SERVICES)) : catalogue;
    this.#onChange();
    for (const waiter of [...this.#waiters]) waiter();
  }
}
