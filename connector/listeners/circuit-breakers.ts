/**
 * Circuit breakers of instances and of services at an instance: what failed gets no new clients for a while, which
 * doubles with each failed trial. A breaker is
 *
 *     closed ──failure──▶ open ──back-off over──▶ half-open ──one trial client fails──▶ open, twice as long
 *                                                     └──────── it is served ────────▶ closed
 *
 * A service that fails does not take its instance's other services along. What is open is still tried after all others.
 */
import type { ErrorCode } from "../../protocol/errors.ts";
import { type InstanceId, instanceKey } from "../../protocol/instance-id.ts";

/** The first back-off and the longest, ms. Each is jittered down to its half at the least. */
export const BACK_OFF = { first: 5000, longest: 300_000 } as const;

export interface CircuitBreakersOptions {
  /** A clock that never goes back, ms. */
  readonly now: () => number;
  /** 0 ≤ random() < 1. */
  readonly random?: () => number;
}

/** One client's try at an instance; one of the three is to be called at its end. */
export interface Attempt {
  succeeded(): void;
  failed(code: ErrorCode): void;
  /** The client left before there was an outcome. */
  abandoned(): void;
}

/** What a failure tells about: the service at that instance, the instance, or neither; `answered`: the instance lives. */
interface Verdict {
  readonly about: "service" | "instance" | null;
  readonly answered: boolean;
}

/** Reads a failure's code. Our own uplink's and proxy's failures are nobody else's fault. */
export function verdictOf(code: ErrorCode): Verdict {
  if (code === "service.draining") return { about: "instance", answered: true };
  if (code.startsWith("service.") || code === "stream.internal") return { about: "service", answered: true };
  // A full session is no failure: its streams count in balancing already.
  if (code.startsWith("stream.")) return { about: null, answered: true };
  if (/^(session|lane|ticket)\./.test(code)) return { about: "instance", answered: false };
  return { about: null, answered: false };
}

interface Breaker {
  failures: number;
  /** Until when it is open, by the clock, ms. */
  until: number;
  /** A trial client is under way. */
  trial: boolean;
}

export class CircuitBreakers {
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #breakers = new Map<string, Breaker>();

  constructor({ now, random = Math.random }: CircuitBreakersOptions) {
    this.#now = now;
    this.#random = random;
  }

  /** Whether a client should rather go elsewhere: something is open, or has its trial client already. */
  isOpen(service: string, instance: InstanceId): boolean {
    if (this.#breakers.size === 0) return false;
    const now = this.#now();
    return keysOf(service, instance).some((key) => {
      const breaker = this.#breakers.get(key);
      return breaker !== undefined && (breaker.trial || now < breaker.until);
    });
  }

  /** A client is about to be tried at an instance: the trial of what is half-open. */
  attempt(service: string, instance: InstanceId): Attempt {
    const [ofInstance, ofService] = keysOf(service, instance);
    const trials = this.#begin([ofInstance, ofService]);
    const settle = () => {
      for (const breaker of trials) breaker.trial = false;
    };
    return {
      succeeded: () => {
        this.#breakers.delete(ofInstance);
        this.#breakers.delete(ofService);
      },
      failed: (code) => {
        const { about, answered } = verdictOf(code);
        settle();
        if (answered && about !== "instance") this.#breakers.delete(ofInstance);
        if (about !== null) this.#open(about === "service" ? ofService : ofInstance, trials);
      },
      abandoned: settle,
    };
  }

  #begin(keys: readonly string[]): Breaker[] {
    if (this.#breakers.size === 0) return [];
    const now = this.#now();
    const trials: Breaker[] = [];
    for (const key of keys) {
      const breaker = this.#breakers.get(key);
      if (breaker === undefined || breaker.trial || now < breaker.until) continue;
      breaker.trial = true;
      trials.push(breaker);
    }
    return trials;
  }

  /** Opens a breaker that is closed, or whose trial failed. What is open stays so, however many fail meanwhile. */
  #open(key: string, trials: readonly Breaker[]): void {
    const before = this.#breakers.get(key);
    if (before !== undefined && !trials.includes(before)) return;
    this.#forgetOld();
    const failures = (before?.failures ?? 0) + 1;
    const bound = Math.min(BACK_OFF.longest, BACK_OFF.first * 2 ** Math.min(failures - 1, 30));
    const until = this.#now() + (bound / 2) * (1 + this.#random());
    this.#breakers.set(key, { failures, until, trial: false });
  }

  /** Nobody tried these for long: their instances may be gone. */
  #forgetOld(): void {
    const now = this.#now();
    for (const [key, { until, trial }] of this.#breakers) {
      if (!trial && now - until > 2 * BACK_OFF.longest) this.#breakers.delete(key);
    }
  }
}

function keysOf(service: string, instance: InstanceId): readonly [instance: string, service: string] {
  const key = instanceKey(instance);
  return [key, `${key} ${service}`];
}
