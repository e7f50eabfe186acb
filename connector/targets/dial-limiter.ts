/**
 * Limits the number of simultaneous dials: a dial holds a descriptor until the target answers. Dials beyond a limit wait
 * in a queue, which holds no descriptor, so that a burst of clients is served. After that they are refused. No byte has
 * gone to a target by then, so another instance can serve the client.
 */
import { FairleadError } from "../../protocol/errors.ts";

export interface DialLimits {
  /** Dials for one service by one site. Bounds what a target that does not answer holds. */
  readonly perService: number;
  /** Dials by one site, in all its sessions. */
  readonly perSite: number;
  /** Dials of the process. */
  readonly total: number;
  /** How long a dial may wait for its turn, ms. */
  readonly waitMs: number;
}

export const DIAL_LIMITS: DialLimits = { perService: 256, perSite: 1024, total: 4096, waitMs: 1000 };

interface Waiting {
  readonly site: string;
  readonly queue: string;
  readonly start: () => void;
}

export class DialLimiter {
  readonly #limits: DialLimits;
  readonly #dials = new Map<string, number>();
  /** Waiting dials in order of arrival, by site and service. */
  readonly #queues = new Map<string, Set<Waiting>>();
  #total = 0;

  constructor(limits: Partial<DialLimits> = {}) {
    this.#limits = { ...DIAL_LIMITS, ...limits };
  }

  /** Dials in progress. */
  get dialling(): number {
    return this.#total;
  }

  /** Dials that wait for their turn. */
  get waiting(): number {
    let count = 0;
    for (const queue of this.#queues.values()) count += queue.size;
    return count;
  }

  /**
   * Runs `dial` when its turn comes. An aborted `signal` removes it from the queue.
   * @throws FairleadError service.overloaded after `waitMs`, stream.cancelled; what `dial` throws.
   */
  async run<T>(site: string, service: string, signal: AbortSignal, dial: () => Promise<T>): Promise<T> {
    const queue = `${site} ${service}`;
    if (this.#isFree(site, queue)) this.#take(site, queue);
    else await this.#turn(site, queue, signal);
    try {
      return await dial();
    } finally {
      this.#release(site, queue);
    }
  }

  #isFree(site: string, queue: string): boolean {
    const { perService, perSite, total } = this.#limits;
    return this.#total < total && this.#count(site) < perSite && this.#count(queue) < perService;
  }

  #count(key: string): number {
    return this.#dials.get(key) ?? 0;
  }

  #take(site: string, queue: string): void {
    this.#total++;
    for (const key of [site, queue]) this.#dials.set(key, this.#count(key) + 1);
  }

  #release(site: string, queue: string): void {
    this.#total--;
    for (const key of [site, queue]) {
      const left = this.#count(key) - 1;
      if (left > 0) this.#dials.set(key, left);
      else this.#dials.delete(key);
    }
    if (this.#queues.size > 0) this.#next();
  }

  /** Waits in a queue. The dial is counted when the promise resolves. */
  #turn(site: string, queue: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", cancelled);
        const waiting = this.#queues.get(queue);
        waiting?.delete(entry);
        if (waiting?.size === 0) this.#queues.delete(queue);
      };
      const refuse = (error: FairleadError): void => {
        leave();
        reject(error);
      };
      const cancelled = (): void => refuse(new FairleadError("stream.cancelled"));
      const timer = setTimeout(
        () =>
          refuse(
            new FairleadError("service.overloaded", "Too many connections to targets are being opened."),
          ),
        this.#limits.waitMs,
      );
      const start = (): void => {
        leave();
        this.#take(site, queue);
        resolve();
      };
      const entry: Waiting = { site, queue, start };
      if (signal.aborted) {
        cancelled();
        return;
      }
      signal.addEventListener("abort", cancelled);
      const waiting = this.#queues.get(queue);
      if (waiting === undefined) this.#queues.set(queue, new Set([entry]));
      else waiting.add(entry);
    });
  }

  /** Starts the first dial of the first queue that has room. That queue goes last, so that each has its turn. */
  #next(): void {
    for (const [queue, waiting] of this.#queues) {
      const [first] = waiting;
      if (first === undefined || !this.#isFree(first.site, queue)) continue;
      this.#queues.delete(queue);
      this.#queues.set(queue, waiting);
      first.start();
      return;
    }
  }
}
