/**
 * The ports of this site's services that are withdrawn, because all their targets are down. A port is withdrawn at once
 * and comes back once a target is up; {@link ChangeDamper} limits how often that changes.
 */
import type { ErrorCode } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import { ChangeDamper } from "./health/change-damper.ts";

/** The state of one port of a service. */
export interface PortState {
  /** The service. */
  readonly name: string;
  /** The place of the port among those of the exposure; 0 is the first. */
  readonly place: number;
  readonly isUp: boolean;
  /** Why its targets are down. */
  readonly code?: ErrorCode | undefined;
}

/** The withdrawn ports of a service. */
export interface Withdrawal {
  /** Places of the ports, ascending. */
  readonly down: readonly number[];
  /** Why the targets are down. */
  readonly code: ErrorCode;
}

export interface OfferHealthOptions {
  /** The states of all ports that the site offers now. */
  readonly states: () => Iterable<PortState>;
  /** Called when the withdrawn ports of a service have changed. */
  readonly onChange: () => void;
  readonly log: Log;
  /** A clock that never goes back, ms; `performance.now` unless given. */
  readonly now?: () => number;
  /** 0 ≤ random() < 1. */
  readonly random?: () => number;
}

const NOTHING: Withdrawal = { down: [], code: "service.unreachable" };

export class OfferHealth {
  readonly #options: OfferHealthOptions;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #withdrawn = new Map<string, Withdrawal>();
  readonly #dampers = new Map<string, ChangeDamper>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: OfferHealthOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
  }

  /** What is withdrawn of a service; null if nothing is. */
  of(service: string): Withdrawal | null {
    return this.#withdrawn.get(service) ?? null;
  }

  /** Whether anything is withdrawn. */
  get any(): boolean {
    return this.#withdrawn.size > 0;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Call this when states have changed: withdraws ports, or brings them back, now or when the time has come. */
  review(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    const now = this.#now();
    const wanted = this.#wanted();
    let hasChanged = false;
    let next = Number.POSITIVE_INFINITY;
    for (const [service, after] of wanted) {
      const before = this.#withdrawn.get(service) ?? NOTHING;
      if (before.down.join() === after.down.join()) continue;
      const isWithdrawal = after.down.some((place) => !before.down.includes(place));
      const damper = this.#damperOf(service);
      const dueAt = damper.dueAt(isWithdrawal, now);
      if (dueAt > now) {
        next = Math.min(next, dueAt);
        continue;
      }
      damper.note(isWithdrawal, now);
      this.#set(service, after);
      hasChanged = true;
    }
    for (const service of this.#withdrawn.keys()) {
      // The service is no longer offered.
      if (!wanted.has(service)) this.#withdrawn.delete(service);
    }
    for (const service of this.#dampers.keys()) if (!wanted.has(service)) this.#dampers.delete(service);
    if (next < Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => this.review(), Math.ceil(next - now));
      this.#timer.unref();
    }
    if (hasChanged) this.#options.onChange();
  }

  #wanted(): Map<string, Withdrawal> {
    const wanted = new Map<string, Withdrawal>();
    for (const { name, place, isUp, code = NOTHING.code } of this.#options.states()) {
      const known = wanted.get(name);
      if (isUp) wanted.set(name, known ?? NOTHING);
      else wanted.set(name, { down: [...(known?.down ?? []), place], code });
    }
    return wanted;
  }

  #set(service: string, after: Withdrawal): void {
    const { log } = this.#options;
    if (after.down.length === 0) {
      this.#withdrawn.delete(service);
      log.info({ service }, "The service is offered again: a target is up.");
      return;
    }
    this.#withdrawn.set(service, after);
    log.warn({ service, code: after.code }, "The service is withdrawn: all its targets are down.");
  }

  #damperOf(service: string): ChangeDamper {
    const known = this.#dampers.get(service);
    if (known !== undefined) return known;
    const damper = new ChangeDamper(this.#random);
    this.#dampers.set(service, damper);
    return damper;
  }
}
