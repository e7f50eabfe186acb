/**
 * Limits how many targets are being dialled at once: a dial holds a descriptor for as long as the target does not
 * answer. Dials beyond a limit wait a moment in line, which holds no descriptor, so that a burst of clients is served;
 * then they are refused, before any byte went to a target, so that another instance can take them.
 */
import { FairleadError } from "../../protocol/errors.ts";

export interface DialLimits {
  /** Dials for one service by one site. A target that does not answer takes no more than these. */
  readonly perService: number;
  /** Dials by one site, however many sessions it has. */
  readonly perSite: number;
  /** Dials of the process. */
  readonly total: number;
  /** How long a dial may wait for its turn, ms. */
  readonly waitMs: number;
}

export const DIAL_LIMITS: DialLimits = { perService: 256, perSite: 1024, total: 4096, waitMs: 1000 };

interface Waiting {
  readonly site: string;
  readonly line: string;
  readonly start: () => void;
}

export class DialLimiter {
  readonly #limits: DialLimits;
  readonly #dials = new Map<string, number>();
  /** Dials that wait, in the order in which they came, by site and service. */
  readonly #lines = new Map<string, Set<Waiting>>();
  #total = 0;

  constructor(limits: Partial<DialLimits> = {}) {
    this.#limits = { ...DIAL_LIMITS, ...limits };
  }

  /** Dials under way. */
  get dialling(): number {
    return this.#total;
  }

  /** Dials that wait for their turn. */
  get waiting(): number {
    let count = 0;
    for (const line of this.#lines.values()) count += line.size;
    return count;
  }

  /**
   * Runs `dial` when it is its turn. An aborted `signal` takes it out of the line.
   * @throws FairleadError service.overloaded after `waitMs`, stream.cancelled; what `dial` throws.
   */
  async run<T>(site: string, service: string, signal: AbortSignal, dial: () => Promise<T>): Promise<T> {
    const line = `${site} ${service}`;
    if (this.#isFree(site, line)) this.#take(site, line);
    else await this.#turn(site, line, signal);
    try {
      return await dial();
    } finally {
      this.#release(site, line);
    }
  }

  #isFree(site: string, line: string): boolean {
    const { perService, perSite, total } = this.#limits;
    return this.#total < total && this.#count(site) < perSite && this.#count(line) < perService;
  }

  #count(key: string): number {
    return this.#dials.get(key) ?? 0;
  }

  #take(site: string, line: string): void {
    this.#total++;
    for (const key of [site, line]) this.#dials.set(key, this.#count(key) + 1);
  }

  #release(site: string, line: string): void {
    this.#total--;
    for (const key of [site, line]) {
      const left = this.#count(key) - 1;
      if (left > 0) this.#dials.set(key, left);
      else this.#dials.delete(key);
    }
    if (this.#lines.size > 0) this.#next();
  }

  /** Waits in line; the place is taken when it resolves. */
  #turn(site: string, line: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", cancelled);
        const waiting = this.#lines.get(line);
        waiting?.delete(entry);
        if (waiting?.size === 0) this.#lines.delete(line);
      };
      const refuse = (error: FairleadError): void => {
        leave();
        reject(error);
      };
      const cancelled = (): void => refuse(new FairleadError("stream.cancelled"));
      const timer = setTimeout(
        () =>
          refuse(new FairleadError("service.overloaded", "too many connections to targets are being opened")),
        this.#limits.waitMs,
      );
      const start = (): void => {
        leave();
        this.#take(site, line);
        resolve();
      };
      const entry: Waiting = { site, line, start };
      if (signal.aborted) {
        cancelled();
        return;
      }
      signal.addEventListener("abort", cancelled);
      const waiting = this.#lines.get(line);
      if (waiting === undefined) this.#lines.set(line, new Set([entry]));
      else waiting.add(entry);
    });
  }

  /** Starts the first of the first line that has room; the line goes to the end of the row, so that all get on. */
  #next(): void {
    for (const [line, waiting] of this.#lines) {
      const [first] = waiting;
      if (first === undefined || !this.#isFree(first.site, line)) continue;
      this.#lines.delete(line);
      this.#lines.set(line, waiting);
      first.start();
      return;
    }
  }
}
