/** Faults that a test orders: a server that says nothing, is slow, or refuses some requests. */
import { setTimeout as pause } from "node:timers/promises";
import type { RequestInfo } from "./request-info.ts";
import type { StatusError } from "./status.ts";

/** Refuses a request, or lets it pass with undefined. */
export type Refusal = (request: RequestInfo, userAgent: string) => StatusError | undefined;

export class Faults {
  #thawed: PromiseWithResolvers<void> | undefined;
  /** Time that each request waits, ms. */
  delay = 0;
  readonly refusals = new Set<Refusal>();
  /** How a watch from a forgotten resource version is refused: by the watch cache, or before it. */
  expiredWatch: "event" | "http" = "event";
  #listeners = new Set<() => void>();

  get isFrozen(): boolean {
    return this.#thawed !== undefined;
  }

  /** From now on requests and connections are taken and nothing is answered; open watches fall silent. */
  freeze(): void {
    this.#thawed ??= Promise.withResolvers<void>();
  }

  /** Answers what waited, and sends what watches held back. */
  thaw(): void {
    this.#thawed?.resolve();
    this.#thawed = undefined;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls a listener at each thaw. Returns what ends that. */
  onThaw(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits as long as the faults of now make a request wait. */
  async pass(): Promise<void> {
    if (this.delay > 0) await pause(this.delay);
    await this.#thawed?.promise;
  }

  /** @throws StatusError when a refusal applies */
  refuse(request: RequestInfo, userAgent: string): void {
    for (const refusal of this.refusals) {
      const error = refusal(request, userAgent);
      if (error !== undefined) throw error;
    }
  }
}
