/** Clients of a Service: a new connection at each tick, each with a question that must be answered. */
import { setTimeout as pause } from "node:timers/promises";
import type { ServiceProxy } from "./service-proxy.ts";

export interface LoadOptions {
  /** New connections in a second. The default is 20. */
  readonly perSecond?: number;
  /** Whether an answer is right. The default is that of an echo. */
  readonly isRight?: (answer: string, asked: string) => boolean;
}

export interface LoadResult {
  /** Exchanges that ended, failed ones among them. */
  readonly exchanges: number;
  /** What went wrong, in order. */
  readonly failures: readonly string[];
}

/** For an exchange that hangs, ms. */
const LONGEST = 60_000;

export class ServiceLoad {
  readonly #proxy: ServiceProxy;
  readonly #port: number;
  readonly #isRight: (answer: string, asked: string) => boolean;
  readonly #open = new Set<Promise<void>>();
  readonly #failures: string[] = [];
  readonly #timer: NodeJS.Timeout;
  #exchanges = 0;
  #asked = 0;

  constructor(proxy: ServiceProxy, port: number, options: LoadOptions = {}) {
    const { perSecond = 20, isRight = (answer: string, asked: string) => answer === asked } = options;
    this.#proxy = proxy;
    this.#port = port;
    this.#isRight = isRight;
    this.#timer = setInterval(() => this.#start(), 1000 / perSecond);
  }

  /** What came of it so far. */
  get result(): LoadResult {
    return { exchanges: this.#exchanges, failures: [...this.#failures] };
  }

  /** Waits until this many further exchanges have ended. */
  async further(count: number): Promise<void> {
    const until = this.#exchanges + count;
    while (this.#exchanges < until) await pause(20);
  }

  /** Starts no more, and waits for those that are open. */
  async stop(): Promise<LoadResult> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    return this.result;
  }

  #start(): void {
    const asked = `question ${++this.#asked}`;
    const one = this.#exchange(asked).then((failure) => {
      this.#open.delete(one);
      this.#exchanges += 1;
      if (failure !== undefined) this.#failures.push(`${asked}: ${failure}`);
    });
    this.#open.add(one);
  }

  /** Returns what went wrong. */
  async #exchange(asked: string): Promise<string | undefined> {
    const given = new AbortController();
    try {
      const answer = await Promise.race([
        this.#proxy.exchange(this.#port, asked),
        pause(LONGEST, null, { signal: given.signal }),
      ]);
      if (answer === null) return `no answer within ${LONGEST / 1000} s`;
      return this.#isRight(answer, asked) ? undefined : `the answer is ${JSON.stringify(answer)}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      given.abort();
    }
  }
}
