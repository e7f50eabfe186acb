/** Distributes this site's streams and requests over the instances of each service, and keeps what it must know for that. */

import { type BalanceMode, DEFAULT_BALANCE, DEFAULT_WEIGHT } from "../../protocol/balance.ts";
import type { ErrorCode } from "../../protocol/errors.ts";
import { type InstanceId, instanceKey, isSameInstance } from "../../protocol/instance-id.ts";
import { DEFAULT_LINK_COST } from "../../protocol/names.ts";
import { type Attempt, CircuitBreakers } from "./circuit-breakers.ts";
import { EJECTION, Ejections } from "./ejections.ts";
import { type Candidate, selectInstance } from "./select-instance.ts";
import { type InstanceTurns, Turns } from "./turns.ts";

/** An instance that offers a service, as far as the balancer reads it. */
export interface BalancedInstance extends InstanceId {
  /** The sum of the link costs to the instance. */
  readonly cost?: number | undefined;
  readonly weight?: number | undefined;
  readonly rank?: number | undefined;
  /** Whether the instance is this connector itself. */
  readonly own?: boolean | undefined;
}

/** A service, as far as the balancer reads it. */
export interface BalancedService {
  readonly name: string;
  readonly balance?: BalanceMode | undefined;
}

/** What the end of a stream or a request says of the target. */
export type Verdict =
  /** The target answered with anything but a gateway failure. */
  | "answered"
  /** The target answered with 502, 503, 504 or the gRPC status UNAVAILABLE, or broke off before it answered. */
  | "failed"
  /** Nothing: the client left, or a stream of bytes ended. */
  | "unknown";

/**
 * One client's turn at an instance. First call `succeeded`, `failed` or `abandoned`, as of {@link Attempt}; after
 * `succeeded`, call `ended` when the stream or the request is over, with the code of its error if it has any: the end of
 * a session opens the breaker of its instance.
 */
export interface Turn extends Attempt {
  ended(verdict: Verdict, code?: ErrorCode): void;
}

/** The instances of a service that one client has not tried yet. */
export interface Round<T> {
  /** The best of them, which from then on counts as tried; undefined when none is left. */
  next(): T | undefined;
}

export interface BalancerOptions {
  /** A clock that never goes back, ms. */
  readonly now: () => number;
  /** 0 ≤ random() < 1. */
  readonly random?: () => number;
}

interface InstanceState extends InstanceTurns {
  /** Streams and requests of the service that are open at the instance. */
  open: number;
}

interface ServiceState {
  readonly turns: Turns;
  readonly instances: Map<string, InstanceState>;
}

const NONE: ReadonlySet<BalancedInstance> = new Set();

interface Selectable<T> extends Candidate {
  readonly instance: T;
}

export class Balancer {
  readonly #random: () => number;
  readonly #breakers: CircuitBreakers;
  readonly #ejections: Ejections;
  readonly #services = new Map<string, ServiceState>();

  constructor({ now, random = Math.random }: BalancerOptions) {
    this.#random = random;
    this.#breakers = new CircuitBreakers({ now, random });
    this.#ejections = new Ejections(now);
  }

  /**
   * Starts one client's round over the instances. Each call of `next` judges the instances as they are then; those in
   * `last` come after all others.
   */
  round<T extends BalancedInstance>(
    service: BalancedService,
    instances: readonly T[],
    last: ReadonlySet<BalancedInstance> = NONE,
  ): Round<T> {
    // The only one needs no order.
    if (instances.length === 1) return new RoundOfOne(instances[0]);
    const isLast = (one: T) => last.size > 0 && [...last].some((other) => isSameInstance(one, other));
    const untried = new Set(instances);
    const deferred = new Set(instances.filter(isLast));
    for (const instance of deferred) untried.delete(instance);
    return {
      next: () => {
        const from = untried.size > 0 ? untried : deferred;
        const best = this.#select(service, instances, from);
        if (best !== undefined) from.delete(best);
        return best;
      },
    };
  }

  /** Starts a client's turn at an instance, which counts as open until the turn ends. */
  begin({ name, balance = DEFAULT_BALANCE }: BalancedService, instance: BalancedInstance): Turn {
    const service = this.#stateOf(name);
    const state = instanceState(service, instance);
    service.turns.take(state, balance === "weighted" ? (instance.weight ?? DEFAULT_WEIGHT) : 1);
    state.open++;
    const attempt = this.#breakers.attempt(name, instance);
    const watch = this.#ejections.begin(name, instance);
    let isOpen = true;
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      state.open--;
    };
    return {
      succeeded: () => attempt.succeeded(),
      failed: (code: ErrorCode) => {
        close();
        watch.abandoned();
        attempt.failed(code);
      },
      abandoned: () => {
        close();
        watch.abandoned();
        attempt.abandoned();
      },
      ended: (verdict, code) => {
        if (!isOpen) return;
        close();
        if (code !== undefined) attempt.failed(code);
        if (verdict === "answered") watch.answered();
        else if (verdict === "failed") watch.failed();
        else watch.abandoned();
      },
    };
  }

  /** Streams and requests of a service that are open at an instance. */
  openAt(service: string, instance: InstanceId): number {
    return this.#services.get(service)?.instances.get(instanceKey(instance))?.open ?? 0;
  }

  #select<T extends BalancedInstance>(
    { name, balance = DEFAULT_BALANCE }: BalancedService,
    all: readonly T[],
    untried: ReadonlySet<T>,
  ): T | undefined {
    // Nothing to choose, and nothing to look up.
    if (untried.size <= 1) return untried.values().next().value;
    const service = this.#stateOf(name);
    forgetGone(service, all);
    const ejected = this.#ejected(name, all);
    const candidates: Selectable<T>[] = [];
    for (const instance of untried) {
      const { cost = DEFAULT_LINK_COST, weight = DEFAULT_WEIGHT, rank = 0, own = false } = instance;
      const state = instanceState(service, instance);
      candidates.push({
        instance,
        cost,
        weight,
        rank,
        own,
        open: state.open,
        failing: this.#breakers.isOpen(name, instance),
        ejected: ejected.has(instance),
        turn: service.turns.next(state, balance === "weighted" ? weight : 1),
      });
    }
    return selectInstance(candidates, balance, this.#random)?.instance;
  }

  /** The ejected instances; none when most are. */
  #ejected<T extends BalancedInstance>(service: string, all: readonly T[]): ReadonlySet<T> {
    const ejected = new Set<T>();
    for (const instance of all) if (this.#ejections.isEjected(service, instance)) ejected.add(instance);
    if (ejected.size > all.length * EJECTION.panicShare) ejected.clear();
    return ejected;
  }

  #stateOf(service: string): ServiceState {
    const known = this.#services.get(service);
    if (known !== undefined) return known;
    const made = { turns: new Turns(), instances: new Map<string, InstanceState>() };
    this.#services.set(service, made);
    return made;
  }
}

/** The round of a service with one instance. */
class RoundOfOne<T> implements Round<T> {
  #instance: T | undefined;

  constructor(instance: T | undefined) {
    this.#instance = instance;
  }

  next(): T | undefined {
    const instance = this.#instance;
    this.#instance = undefined;
    return instance;
  }
}

function instanceState({ instances }: ServiceState, instance: InstanceId): InstanceState {
  const key = instanceKey(instance);
  const known = instances.get(key);
  if (known !== undefined) return known;
  const made = { ...Turns.none(), open: 0 };
  instances.set(key, made);
  return made;
}

/** Drops what is known of instances that no longer offer the service and have nothing open, once they are many. */
function forgetGone({ instances }: ServiceState, all: readonly InstanceId[]): void {
  if (instances.size <= 2 * all.length + 8) return;
  const present = new Set(all.map(instanceKey));
  for (const [key, { open }] of instances) if (open === 0 && !present.has(key)) instances.delete(key);
}
