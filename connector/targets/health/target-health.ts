/**
 * The health of one target, decided from checks and from the connections and requests of clients:
 *
 *     up ──`fall` failures in a row──▶ down ──`rise` successful checks in a row──▶ up
 *
 * A target is up until it is known to be down. Without a configured check, no check is due while the target is up and
 * nothing fails. The class has no clock and no timer: callers pass the time in.
 */
import type { FairleadError } from "../../../protocol/errors.ts";
import type { HealthRules } from "../../config/health-options.ts";

/** The part of an interval by which a wait may be shorter or longer, so that targets are not checked in step. */
export const JITTER = 0.2;

/** The wait for the next check after a connection failed, ms. Connections that fail within it count once. */
export const RECHECK_MS = 250;

/** Requests in a row that a target failed, after which it is down. */
export const REQUEST_FALL = 5;

/** A failure, and whether it was the connection that failed. */
export interface Failure {
  readonly error: FairleadError;
  /** Whether no connection came about. The next check then follows after {@link RECHECK_MS}. */
  readonly noConnection: boolean;
}

export interface TargetHealthOptions {
  readonly rules: HealthRules;
  /** Whether a healthy target is checked at each interval. */
  readonly periodic: boolean;
  /** Whether a check does no more than connect, so that connections of clients prove as much as a check. */
  readonly connectsOnly: boolean;
  /** Whether the target begins as up. */
  readonly isUp?: boolean;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
}

export class TargetHealth {
  readonly #options: TargetHealthOptions;
  #isUp: boolean;
  #failure: Failure | null = null;
  /** Failed checks in a row; connections that failed are among them where a check only connects. */
  #failedChecks = 0;
  /** Connections of clients that failed in a row. */
  #failedConnections = 0;
  /** Requests of clients that failed in a row. */
  #failedRequests = 0;
  /** Successful checks in a row since the target went down. */
  #successes = 0;
  /** Checks in a row, while down, that found no connection. The wait doubles with each. */
  #absences = 0;
  /** Failed connections before this time count as one with the last counted one, ms. */
  #countsFrom = Number.NEGATIVE_INFINITY;
  #nextCheckAt: number | null;

  /** @param firstCheckAt the time at which the first check is due, ms; null for none before something fails */
  constructor(options: TargetHealthOptions, firstCheckAt: number | null) {
    this.#options = options;
    this.#isUp = options.isUp ?? true;
    this.#nextCheckAt = firstCheckAt;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** The last failure; null if nothing has failed since the last success. */
  get failure(): Failure | null {
    return this.#failure;
  }

  /** When the next check is due, ms; null for none. */
  get nextCheckAt(): number | null {
    return this.#nextCheckAt;
  }

  /**
   * Takes the result of a check: null for success. Returns whether the target went up or down.
   * @param now ms
   */
  noteCheck(failure: Failure | null, now: number): boolean {
    return failure === null ? this.#checkSucceeded(now) : this.#checkFailed(failure, now);
  }

  /** The check said nothing about the target: this machine had no descriptor or no port for it. */
  postpone(now: number): void {
    this.#nextCheckAt = now + this.#interval();
  }

  /** A client gave up a connection to the target that took long: a check is due, which decides. */
  doubt(now: number): void {
    if (this.#isUp) this.#nextCheckAt = Math.min(this.#nextCheckAt ?? Number.POSITIVE_INFINITY, now);
  }

  /** A client's connection to the target failed. Returns whether the target went down. */
  connectionFailed(failure: Failure, now: number): boolean {
    if (!this.#isUp || now < this.#countsFrom) return false;
    this.#countsFrom = now + RECHECK_MS;
    this.#failure = failure;
    this.#failedConnections += 1;
    if (this.#options.connectsOnly) this.#failedChecks += 1;
    this.#nextCheckAt = Math.min(this.#nextCheckAt ?? Number.POSITIVE_INFINITY, now + RECHECK_MS);
    const { fall } = this.#options.rules;
    return this.#failedConnections >= fall || this.#failedChecks >= fall ? this.#goDown() : false;
  }

  /** A client's connection to the target came about. A target that is down needs successful checks to go up. */
  connectionSucceeded(): void {
    this.#failedConnections = 0;
    if (!this.#isUp || !this.#options.connectsOnly || this.#failedChecks === 0) return;
    this.#recover();
    // A check that was due because of the failure is not needed any longer.
    if (!this.#options.periodic) this.#nextCheckAt = null;
  }

  /** The target ended a client's request without an answer. Returns whether the target went down. */
  requestFailed(failure: Failure, now: number): boolean {
    if (!this.#isUp) return false;
    this.#failure = failure;
    this.#failedRequests += 1;
    if (this.#failedRequests < REQUEST_FALL) return false;
    // The target accepts connections: without the wait, the next checks would have it up again at once.
    this.#nextCheckAt = now + this.#interval();
    return this.#goDown();
  }

  /** The target answered a client's request. */
  requestSucceeded(): void {
    if (this.#failedRequests === 0) return;
    this.#failedRequests = 0;
    if (this.#isUp && this.#failedChecks === 0 && this.#failedConnections === 0) this.#failure = null;
  }

  #checkSucceeded(now: number): boolean {
    const found = this.#failure === null || this.#failure.noConnection;
    this.#absences = 0;
    if (this.#isUp) {
      this.#recover();
      this.#nextCheckAt = this.#options.periodic ? now + this.#interval() : null;
      return false;
    }
    this.#successes += 1;
    if (this.#successes < this.#options.rules.rise) {
      this.#nextCheckAt = now + (found ? RECHECK_MS : this.#interval());
      return false;
    }
    this.#isUp = true;
    this.#failedRequests = 0;
    this.#recover();
    this.#nextCheckAt = this.#options.periodic ? now + this.#interval() : null;
    return true;
  }

  #checkFailed(failure: Failure, now: number): boolean {
    this.#failure = failure;
    this.#successes = 0;
    this.#failedChecks += 1;
    const wentDown = this.#isUp && this.#failedChecks >= this.#options.rules.fall ? this.#goDown() : false;
    this.#nextCheckAt = now + (failure.noConnection ? this.#recheckWait() : this.#interval());
    return wentDown;
  }

  /** The wait after a check found no connection. It grows up to the interval while the target is down. */
  #recheckWait(): number {
    if (this.#isUp) return RECHECK_MS;
    const wait = RECHECK_MS * 2 ** Math.min(this.#absences, 20);
    this.#absences += 1;
    return Math.min(wait, this.#interval());
  }

  #goDown(): boolean {
    this.#isUp = false;
    this.#successes = 0;
    this.#absences = 0;
    return true;
  }

  #recover(): void {
    this.#failedChecks = 0;
    this.#failedConnections = 0;
    if (this.#failedRequests === 0) this.#failure = null;
  }

  #interval(): number {
    const { rules, random } = this.#options;
    return rules.intervalMs * (1 + JITTER * (2 * random() - 1));
  }
}
