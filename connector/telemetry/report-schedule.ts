/**
 * Decides when a connector dials the telemetry connection, reports on it, and closes it. It has neither clock nor
 * sockets: its caller does what {@link ReportSchedule.next} says, and tells it what happened.
 */
import { TELEMETRY_IDLE_MS } from "../../protocol/telemetry/messages.ts";
import { Backoff } from "../net/backoff.ts";

/** What to do now. */
export type ReportStep =
  | { readonly do: "dial" }
  /** Send what changed. */
  | { readonly do: "report" }
  /** Close the connection: there was no traffic for long. */
  | { readonly do: "close" }
  /** Ask again after `ms`, or when something happens; null: only then. */
  | { readonly do: "wait"; readonly ms: number | null };

/** What a step depends on. */
export interface ReportCircumstances {
  /** A clock that never goes back, ms. */
  readonly now: number;
  /** Whether there is something to report. */
  readonly hasNews: boolean;
  /** Whether there may be something soon without a further event: streams are open. */
  readonly isOpen: boolean;
  /** Whether the edge is reached and takes telemetry. */
  readonly isAvailable: boolean;
}

type State = "closed" | "dialling" | "open";

/** How often open streams are looked at while there is no connection, ms. */
const LOOK_MS = 5000;

/** The shortest and the longest interval of reports that a connector follows, ms. */
const MIN_EVERY_MS = 100;
const MAX_EVERY_MS = 10 * 60_000;

export class ReportSchedule {
  readonly #backoff: Backoff;
  #state: State = "closed";
  /** Not before this time is the edge dialled. */
  #dialAt = Number.NEGATIVE_INFINITY;
  /** Until then the edge asked to wait. */
  #askedUntil = Number.NEGATIVE_INFINITY;
  #everyMs = 0;
  #reportAt = 0;
  #newsAt = 0;
  #upAt = 0;

  /** @param random 0 ≤ random() < 1 */
  constructor(random: () => number = Math.random) {
    this.#backoff = new Backoff({ base: 1000, cap: 5 * 60_000, random });
  }

  get state(): State {
    return this.#state;
  }

  /** What to do. After `dial`, `report` and `close`, it was done: the schedule has noted it. */
  next({ now, hasNews, isOpen, isAvailable }: ReportCircumstances): ReportStep {
    if (this.#state === "dialling") return { do: "wait", ms: null };
    if (this.#state === "closed") {
      if (!isAvailable) return { do: "wait", ms: null };
      if (!hasNews) return { do: "wait", ms: isOpen ? LOOK_MS : null };
      if (now < this.#dialAt) return { do: "wait", ms: this.#dialAt - now };
      this.#state = "dialling";
      return { do: "dial" };
    }
    if (hasNews && now >= this.#reportAt) {
      this.#newsAt = now;
      this.#reportAt = now + this.#everyMs;
      return { do: "report" };
    }
    const idleAt = this.#newsAt + TELEMETRY_IDLE_MS;
    if (!hasNews && now >= idleAt) {
      this.#state = "closed";
      return { do: "close" };
    }
    if (hasNews) return { do: "wait", ms: this.#reportAt - now };
    const lookAt = isOpen ? now + this.#everyMs : idleAt;
    return { do: "wait", ms: Math.min(lookAt, idleAt) - now };
  }

  /** The edge has answered: the connection is open. The first report follows at once. */
  welcomed(everyMs: number, now: number): void {
    this.#state = "open";
    this.#upAt = now;
    this.#newsAt = now;
    this.#reportAt = now;
    this.#everyMs = clamp(everyMs);
  }

  /** The edge asks for another interval. A report that is due earlier by it is sent earlier. */
  cadence(everyMs: number, now: number): void {
    this.#everyMs = clamp(everyMs);
    this.#reportAt = Math.min(this.#reportAt, now + this.#everyMs);
  }

  /**
   * The dial failed, or the connection ended.
   *
   * @param retryAfterMs how long the edge asks to wait
   */
  ended(now: number, retryAfterMs = 0): void {
    // A connection that lasted is followed by a short wait, one that the edge ends at once by longer and longer ones.
    if (this.#state === "open" && now - this.#upAt >= this.#backoff.bound) this.#backoff.reset();
    this.#state = "closed";
    this.#askedUntil = now + retryAfterMs;
    this.#dialAt = Math.max(now + this.#backoff.next(), this.#askedUntil);
  }

  /** The edge welcomed an uplink: it is back, whatever failed before. What it asked for still holds. */
  edgeReturned(): void {
    this.#backoff.reset();
    this.#dialAt = this.#askedUntil;
  }

  /** This side closed the connection. The edge is dialled again at once when there is news. */
  closed(): void {
    this.#state = "closed";
  }

  /** The edge has another address: an earlier failure says nothing about it. */
  moved(): void {
    this.#state = "closed";
    this.#askedUntil = Number.NEGATIVE_INFINITY;
    this.edgeReturned();
  }
}

const clamp = (everyMs: number): number => Math.min(MAX_EVERY_MS, Math.max(MIN_EVERY_MS, everyMs));
