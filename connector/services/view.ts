/** The current catalogue, and who waits for it to change. */
import type { VisibleService } from "../../protocol/messages.ts";
import {
  type Catalogue,
  EMPTY_CATALOGUE,
  fromWelcome,
  leftOver,
  reachable,
  withChanges,
} from "./catalogue.ts";

interface CatalogueChange {
  readonly put: readonly VisibleService[];
  readonly gone: readonly string[];
  readonly complete?: boolean | undefined;
}

export class CatalogueView {
  readonly #onChange: () => void;
  readonly #waiters = new Set<() => void>();
  #catalogue: Catalogue = EMPTY_CATALOGUE;
  /** Known from before a welcome that is not all yet. */
  #stale: ReadonlySet<string> = new Set();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
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
    this.#catalogue = catalogue;
    this.#onChange();
    for (const waiter of [...this.#waiters]) waiter();
  }
}
