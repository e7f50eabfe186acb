/**
 * Work by keys: each key's work runs once at a time, and what is added meanwhile runs once more. A key whose work fails
 * is tried again after a wait that doubles.
 */
import { Backoff } from "../../net/backoff.ts";
import { ApiError } from "../api/failure.ts";

const BACKOFF = { base: 500, cap: 30_000 };
/** Keys whose work runs at a time. */
const CONCURRENCY = 4;

export interface WorkQueueOptions {
  /** Does the work of a key, from what is so now. */
  readonly work: (key: string) => Promise<void>;
  /** Hears of a failure, and when the key is tried again. */
  readonly failed: (key: string, error: unknown, waitMs: number) => void;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
  /** Keys whose work runs at a time; 4 unless given. */
  readonly concurrency?: number;
}

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #due = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, NodeJS.Timeout>();
  readonly #backoffs = new Map<string, Backoff>();
  #isStopped = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Whether nothing runs, is due or waits for another try. */
  get isIdle(): boolean {
    return this.#due.size + this.#running.size + this.#waiting.size === 0;
  }

  /** Has the work of a key done: soon, or after the run that is in progress. A wait of the key ends. */
  add(key: string): void {
    if (this.#isStopped) return;
    this.#stopWait(key);
    this.#due.add(key);
    this.#next();
  }

  /** Takes nothing new on, and waits for what runs. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#due.clear();
    for (const key of [...this.#waiting.keys()]) this.#stopWait(key);
    await Promise.all(this.#running.values());
  }

  #next(): void {
    const { concurrency = CONCURRENCY } = this.#options;
    for (const key of this.#due) {
      if (this.#running.size >= concurrency) return;
      if (this.#running.has(key)) continue;
      this.#due.delete(key);
      this.#running.set(key, this.#run(key));
    }
  }

  async #run(key: string): Promise<void> {
    try {
      // The caller of add() is not made to wait for the work's begin.
      await Promise.resolve();
      await this.#options.work(key);
      this.#backoffs.delete(key);
    } catch (error) {
      this.#retry(key, error);
    } finally {
      this.#running.delete(key);
      this.#next();
    }
  }

  #retry(key: string, error: unknown): void {
    const { random, failed } = this.#options;
    const backoff = this.#backoffs.get(key) ?? new Backoff({ ...BACKOFF, random });
    this.#backoffs.set(key, backoff);
    const { retryAfter = 0 } = error instanceof ApiError ? error.failure : {};
    const wait = Math.max(backoff.next(), retryAfter);
    failed(key, error, wait);
    if (this.#isStopped || this.#due.has(key)) return;
    const timer = setTimeout(() => this.add(key), wait).unref();
    this.#waiting.set(key, timer);
  }

  #stopWait(key: string): void {
    clearTimeout(this.#waiting.get(key));
    this.#waiting.delete(key);
  }
}
