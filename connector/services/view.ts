/** The current catalogue, and who waits for it to change. */
import type { VisibleService } from "../../protocol/messages.ts";
import { type Catalogue, EMPTY_CATALOGUE, fromWelcome, reachable, withChanges } from "./catalogue.ts";

export class CatalogueView {
  readonly #onChange: () => void;
  readonly #waiters = new Set<() => void>();
  #catalogue: Catalogue = EMPTY_CATALOGUE;

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

  welcome(services: readonly VisibleService[]): void {
    this.#set(fromWelcome(services));
  }

  change(change: { readonly put: readonly VisibleService[]; readonly gone: readonly string[] }): void {
    this.#set(withChanges(this.#catalogue, change));
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
