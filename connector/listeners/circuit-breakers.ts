/**
 * Circuit breakers of instances, and of services at an instance. After a failure, new clients avoid the instance or the
 * service for a time that doubles with each failed trial. A breaker is
 *
 *     closed ──failure──▶ open ──back-off over──▶ half-open ──one trial client fails──▶ open, twice as long
 *                                                     └──────── it is served ────────▶ closed
 *
 * A failing service leaves the other services of its instance alone. An open breaker puts its instance last; it is
 * still tried when every other one has failed.
 */
import type { ErrorCode } from "../../protocol/errors.ts";
import { type InstanceId, instanceKey } from "../../protocol/instance-id.ts";

/** The first back-off and the longest, ms. Jitter takes away at most half of each. */
export const BACK_OFF = { first: 5000, longest: 300_000 } as const;

export interface CircuitBreakersOptions {
  /** A clock that never goes back, ms. */
  readonly now: () => number;
  /** 0 ≤ random() < 1. */
  readonly random?: () => number;
}

/** One client's attempt at an instance. Call one of the three at its end. */
export interface Attempt {
  succeeded(): void;
  failed(code: ErrorCode): void;
  /** The client left before the attempt had a result. */
  abandoned(): void;
}

/** What a failure says. */
interface Verdict {
  /** What failed: the service at the instance, the instance, or neither. */
  readonly about: "service" | "instance" | null;
  /** Whether the instance answered, and so runs. */
  readonly answered: boolean;
}

/** Classifies a failure by its code. Failures of this site's own uplink or proxy say nothing about an instance. */
export function verdictOf(code: ErrorCode): Verdict {
  if (code === "service.draining") return { about: "instance", answered: true };
  if (code.startsWith("service.") || code === "stream.internal") return { about: "service", answered: true };
  // The target's failures are the ejections' business.
  if (code.startsWith("exchange.")) return { about: null, answered: true };
  // A full session is no failure: selection counts its streams already.
  if (code.startsWith("stream.")) return { about: null, answered: true };
  if (/^(session|lane|ticket)\./.test(code)) return { about: "instance", answered: false };
  return { about: null, answered: false };
}

interface Breaker {
  failures: number;
  /** When the back-off ends, by the clock, ms. */
  until: number;
  /** Whether a trial client is being served. */
  trial: boolean;
}

const NO_BREAKERS: readonly Breaker[] = [];

export class CircuitBreakers {
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #breakers = new Map<string, Breaker>();

  constructor({ now, random = Math.random }: CircuitBreakersOptions) {
    this.#now = now;
    this.#random = random;
  }

  /** Whether a client should avoid the instance: a breaker is open, or has its trial client already. */
  isOpen(service: string, instance: InstanceId): boolean {
    if (this.#breakers.size === 0) return false;
    const now = this.#now();
    return keysOf(service, instance).some((key) => {
      const breaker = this.#breakers.get(key);
      return breaker !== undefined && (breaker.trial || now < breaker.until);
    });
  }

  /** Starts a client's attempt at an instance. It is the trial of each half-open breaker. */
  attempt(service: string, instance: InstanceId): Attempt {
    const trials = this.#begin(service, instance);
    const settle = () => {
      for (const breaker of trials) breaker.trial = false;
    };
    return {
      succeeded: () => {
        if (this.#breakers.size === 0) return;
        for (const key of keysOf(service, instance)) this.#breakers.delete(key);
      },
      failed: (code) => {
        const { about, answered } = verdictOf(code);
        const [ofInstance, ofService] = keysOf(service, instance);
        settle();
        if (answered && about !== "instance") this.#breakers.delete(ofInstance);
        if (about !== null) this.#open(about === "service" ? ofService : ofInstance, trials);
      },
      abandoned: settle,
    };
  }

  #begin(service: string, instance: InstanceId): readonly Breaker[] {
    // Nearly always: no key is made then.
    if (this.#breakers.size === 0) return NO_BREAKERS;
    const now = this.#now();
    const trials: Breaker[] = [];
    for (const key of keysOf(service, instance)) {
      const breaker = this.#breakers.get(key);
      if (breaker === undefined || breaker.trial || now < breaker.until) continue;
      breaker.trial = true;
      trials.push(breaker);
    }
    return trials;
  }

  /** Opens a breaker that is closed, or whose trial failed. Other failures do not prolong an open breaker. */
  #open(key: string, trials: readonly Breaker[]): void {
    const before = this.#breakers.get(key);
    if (before !== undefined && !trials.includes(before)) return;
    this.#forgetOld();
    const failures = (before?.failures ?? 0) + 1;
    const bound = Math.min(BACK_OFF.longest, BACK_OFF.first * 2 ** Math.min(failures - 1, 30));
    const until = this.#now() + (bound / 2) * (1 + this.#random());
    this.#breakers.set(key, { failures, until, trial: false });
  }

  /** Drops breakers that no client tried for long, whose instances may be gone. */
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
