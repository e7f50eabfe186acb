/**
 * Logs an outage once: its first failure at the level warn, further ones at debug, and its end with its length. A
 * failure that needs a repair is written once for each code.
 */
import { ERRORS, type ErrorCode } from "../protocol/errors.ts";
import type { Log } from "./log.ts";

/** The key of all failures that pass by themselves. */
const PASSING = "passing";

export class OutageLog {
  readonly #log: Log;
  readonly #now: () => number;
  /** The kinds of failures that were written since the outage began. */
  readonly #written = new Set<string>();
  #since: number | null = null;

  /** @param now monotonic clock, ms */
  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** Whether there is an outage. */
  get isOn(): boolean {
    return this.#since !== null;
  }

  /** Notes a failure. The first one begins an outage. */
  failed(fields: { readonly code: ErrorCode } & Readonly<Record<string, unknown>>, message: string): void {
    this.#since ??= this.#now();
    const kind = ERRORS[fields.code].retry ? PASSING : fields.code;
    const level = this.#written.has(kind) ? "debug" : "warn";
    this.#written.add(kind);
    this.#log[level]({ ...fields }, message);
  }

  /**
   * Notes a success. Writes a line if it ends an outage.
   * @param message of the line, given the length of the outage, such as "40 s"
   */
  ended(fields: Readonly<Record<string, unknown>>, message: (length: string) => string): void {
    if (this.#since === null) return;
    const outageMs = Math.round(this.#now() - this.#since);
    this.#since = null;
    this.#written.clear();
    this.#log.info({ ...fields, outageMs }, message(lengthText(outageMs)));
  }
}

/** A length of time for people, in one unit of which there are at least two. */
function lengthText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
