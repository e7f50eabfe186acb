/** The retries of this connector's requests: the budget of each service, and what each service permits. */
import type { FairleadError } from "../../../protocol/errors.ts";
import type { RetryPolicy } from "../../config/retry-policy.ts";
import { RetryBudget } from "./retry-budget.ts";
import { mayRetry } from "./retry-decision.ts";

/** A request while it may still be sent again. */
export interface RetriedRequest {
  readonly method: string;
  readonly isTunnel: boolean;
  readonly isKept: boolean;
  readonly isComplete: boolean;
  readonly hasResponse: boolean;
  /** Whether the client has left, or the deadline that it set has passed. */
  readonly isOver: boolean;
}

export class Retries {
  readonly #policy: RetryPolicy;
  readonly #now: () => number;
  readonly #budgets = new Map<string, RetryBudget>();

  /** @param now a clock that never goes back, ms; `performance.now` unless given */
  constructor(policy: RetryPolicy, now: () => number = () => performance.now()) {
    this.#policy = policy;
    this.#now = now;
  }

  /** Starts a request to a service, which adds to its budget. */
  start(service: string, request: RetriedRequest): RequestRetries {
    const budget = this.#budgetOf(service);
    budget.request(this.#now());
    return new RequestRetries(request, { service, policy: this.#policy, budget, now: this.#now });
  }

  #budgetOf(service: string): RetryBudget {
    const known = this.#budgets.get(service);
    if (known !== undefined) return known;
    const made = new RetryBudget();
    this.#budgets.set(service, made);
    return made;
  }
}

interface Rules {
  readonly service: string;
  readonly policy: RetryPolicy;
  readonly budget: RetryBudget;
  readonly now: () => number;
}

/** The retries of one request. */
export class RequestRetries {
  readonly #request: RetriedRequest;
  readonly #rules: Rules;
  #repeats = 0;
  #refusals = 0;

  constructor(request: RetriedRequest, rules: Rules) {
    this.#request = request;
    this.#rules = rules;
  }

  /** Times that the request was sent again although a target had it, or may have had it. */
  get count(): number {
    return this.#repeats + this.#refusals;
  }

  /** Whether the request may be sent again after a failure that leaves open whether a target has it. */
  get possible(): boolean {
    return this.#permits("session.lost");
  }

  /** Takes the permission to send the request again after this failure. */
  take({ code }: FairleadError): boolean {
    const { budget, now } = this.#rules;
    if (!this.#permits(code) || !budget.take(now())) return false;
    if (code === "exchange.refused") this.#refusals++;
    else this.#repeats++;
    return true;
  }

  #permits(code: FairleadError["code"]): boolean {
    const { method, isTunnel, isKept, isComplete, hasResponse, isOver } = this.#request;
    const { service, policy } = this.#rules;
    const counts = { repeats: this.#repeats, refusals: this.#refusals };
    const known = { method, isTunnel, isKept, isComplete, hasResponse, isOver, ...counts };
    return mayRetry(known, code, policy.methods(service));
  }
}
