/**
 * Ejects instances whose answers fail, which no other sign shows: the site is reachable and its target answers, but
 * with gateway failures. For one service at one instance:
 *
 *     in use ──5 gateway failures in a row──▶ ejected ──30 s × n──▶ half-open ──one request fails──▶ ejected, n + 1
 *                                                                      └──── it is answered ────▶ in use
 *
 * Whoever selects ignores ejections while more than half of a service's instances are ejected: then the failure is not
 * theirs alone, and the rest could not carry the load. See {@link EJECTION}.
 */
import { type InstanceId, instanceKey } from "../../protocol/instance-id.ts";

export const EJECTION = {
  /** Gateway failures in a row that eject an instance. */
  failures: 5,
  /** The first ejection, ms; the nth lasts n times as long. */
  firstMs: 30_000,
  longestMs: 300_000,
  /** An instance in use for so long since its last ejection counts its ejections from one again, ms. */
  forgivenMs: 300_000,
  /** The share of ejected instances above which ejections are ignored. */
  panicShare: 0.5,
} as const;

/** One request at an instance. Call one of the three at its end. */
export interface EjectionWatch {
  /** The target answered, whatever its answer, with anything but a gateway failure. */
  answered(): void;
  /** The target answered with a gateway failure, or broke off before it answered. */
  failed(): void;
  /** The request ended without telling anything of the target. */
  abandoned(): void;
}

interface Record {
  /** Gateway failures since the last answer. */
  failures: number;
  /** Ejections without a long time in use between them. */
  ejections: number;
  /** When the ejection ends, by the clock, ms; 0 while in use. */
  until: number;
  /** When the last ejection ended, by the clock, ms. */
  returned: number;
  /** Whether the request of the half-open state is in flight. */
  trial: boolean;
}

const IGNORED: EjectionWatch = { answered() {}, failed() {}, abandoned() {} };

export class Ejections {
  readonly #now: () => number;
  /** Records of instances that failed and have not been forgiven. */
  readonly #records = new Map<string, Record>();

  /** @param now a clock that never goes back, ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether other instances are preferred: it is ejected, or half-open with its request in flight. */
  isEjected(service: string, instance: InstanceId): boolean {
    const record = this.#recordOf(service, instance);
    return record !== undefined && record.until > 0 && (record.trial || this.#now() < record.until);
  }

  /** Starts a request at an instance. It is the trial of an instance that is half-open. */
  begin(service: string, instance: InstanceId): EjectionWatch {
    const record = this.#recordOf(service, instance);
    if (record === undefined || record.until === 0) return this.#watchInUse(service, instance);
    // A request that an ejected instance gets for want of others decides nothing.
    if (record.trial || this.#now() < record.until) return IGNORED;
    record.trial = true;
    return {
      answered: () => {
        record.trial = false;
        record.until = 0;
        record.failures = 0;
        record.returned = this.#now();
      },
      failed: () => {
        record.trial = false;
        this.#eject(record);
      },
      abandoned: () => {
        record.trial = false;
      },
    };
  }

  #watchInUse(service: string, instance: InstanceId): EjectionWatch {
    return {
      answered: () => {
        const record = this.#recordOf(service, instance);
        if (record === undefined || record.until > 0) return;
        record.failures = 0;
        if (record.ejections === 0 || this.#isForgiven(record))
          this.#records.delete(keyOf(service, instance));
      },
      failed: () => {
        const record = this.#recordOf(service, instance) ?? this.#make(keyOf(service, instance));
        // Requests that were in flight when the instance was ejected prolong nothing.
        if (record.until > 0 || ++record.failures < EJECTION.failures) return;
        if (this.#isForgiven(record)) record.ejections = 0;
        this.#eject(record);
      },
      abandoned() {},
    };
  }

  /** The record, if there is one. Nearly always there is none at all, and no key is made. */
  #recordOf(service: string, instance: InstanceId): Record | undefined {
    return this.#records.size === 0 ? undefined : this.#records.get(keyOf(service, instance));
  }

  #make(key: string): Record {
    const now = this.#now();
    // Instances that are gone leave their records behind.
    for (const [old, { until, returned }] of this.#records) {
      if (now - Math.max(until, returned) > 2 * EJECTION.forgivenMs) this.#records.delete(old);
    }
    const record = { failures: 0, ejections: 0, until: 0, returned: now, trial: false };
    this.#records.set(key, record);
    return record;
  }

  #isForgiven({ returned }: Record): boolean {
    return this.#now() - returned >= EJECTION.forgivenMs;
  }

  #eject(record: Record): void {
    record.ejections++;
    record.failures = 0;
    record.until = this.#now() + Math.min(EJECTION.longestMs, EJECTION.firstMs * record.ejections);
  }
}

function keyOf(service: string, instance: InstanceId): string {
  return `${instanceKey(instance)} ${service}`;
}
