/**
 * Keeps the process below its limit of descriptors. At the limit the kernel can accept no client, and libuv then
 * closes the connection with a FIN, which a client takes for an empty answer. So clients, targets and lanes ask here
 * first, and what is kept back is for the uplink, the control socket and files.
 *
 * What is taken and given back is counted here; the system's own count is read when that comes near the limit.
 */
import { ERRORS } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import { countDescriptors, descriptorLimit } from "./descriptor-limit.ts";

export interface DescriptorWatchOptions {
  /** Most descriptors of the process; null when nothing limits them. The system's unless given. */
  readonly limit?: number | null;
  /** Those in use; null when the system does not tell. The system's unless given. */
  readonly count?: () => number | null;
  /** A clock that never goes back, ms. */
  readonly now?: () => number;
  /** The limit was reached, or is so no more. */
  readonly onChange?: () => void;
  readonly log: Log;
}

/** How many descriptors the process has, as `status` shows it. */
export interface DescriptorUse {
  readonly used: number;
  readonly limit: number;
  /** Clients, streams and lanes refused for want of descriptors since the process began. */
  readonly refused: number;
  /** Some were refused a moment ago. */
  readonly exhausted: boolean;
}

/** A share of the limit that clients and targets leave to others, and the least and most of it. */
const RESERVE = { share: 1 / 8, least: 32, most: 1024 } as const;
/** Between two readings of the system's count, ms, and how many times the time that one took. */
const COUNT_MS = 1000;
const COUNT_TIMES = 100;
/** The limit is reached no more when nothing was refused for so long, ms. */
const CALM_MS = 10_000;
/** Between two lines in the log while it is reached, ms. */
const LOG_MS = 60_000;

export class DescriptorWatch {
  readonly #limit: number;
  readonly #reserve: number;
  readonly #count: () => number | null;
  readonly #now: () => number;
  readonly #onChange: () => void;
  readonly #log: Log;
  /** Descriptors that clients and targets may still take; below zero they use the reserve. */
  #room: number;
  #countAt = Number.NEGATIVE_INFINITY;
  #refused = 0;
  #exhausted = false;
  #refusedAt = 0;
  #loggedAt = 0;
  #logged = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Gives one back that was taken: a function of its own, so that each socket's listener costs no closure. */
  readonly release = (): void => {
    this.#room++;
  };

  constructor(options: DescriptorWatchOptions) {
    const { limit = descriptorLimit(), count = countDescriptors, log, onChange } = options;
    const { share, least, most } = RESERVE;
    this.#count = count;
    this.#now = options.now ?? (() => performance.now());
    this.#onChange = onChange ?? (() => {});
    this.#log = log;
    this.#limit = limit !== null && count() !== null ? limit : Number.POSITIVE_INFINITY;
    this.#reserve = Math.min(most, Math.max(least, Math.floor(this.#limit * share)));
    this.#room = this.#limit - this.#reserve;
    if (this.#isLimited) this.#recount();
  }

  get #isLimited(): boolean {
    return this.#limit !== Number.POSITIVE_INFINITY;
  }

  /** Null when nothing limits them. */
  get use(): DescriptorUse | null {
    if (!this.#isLimited) return null;
    const used = Math.max(0, this.#limit - this.#reserve - this.#room);
    return { used, limit: this.#limit, refused: this.#refused, exhausted: this.#exhausted };
  }

  /** Takes one for a client or a target, to be given back with {@link release}; false when there is none for it. */
  take(): boolean {
    return this.#take(0);
  }

  /** Takes one for a lane, for which half of the reserve is there, too. */
  takeForLane(): boolean {
    return this.#take(-this.#reserve / 2);
  }

  /** The system itself had none left. */
  noteFailure(): void {
    this.#room = Math.min(this.#room, 0);
    this.#refuse();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #take(least: number): boolean {
    if (!this.#isLimited) return true;
    if (this.#room < this.#limit / 2) this.#recountSometimes();
    if (this.#room <= least) {
      this.#refuse();
      return false;
    }
    this.#room--;
    return true;
  }

  #recountSometimes(): void {
    if (this.#now() >= this.#countAt) this.#recount();
  }

  #recount(): void {
    const before = this.#now();
    const used = this.#count() ?? 0;
    this.#room = Math.max(-this.#reserve, this.#limit - this.#reserve - used);
    const after = this.#now();
    this.#countAt = after + Math.max(COUNT_MS, COUNT_TIMES * (after - before));
  }

  #refuse(): void {
    const now = this.#now();
    this.#refused++;
    this.#refusedAt = now;
    if (this.#exhausted) return;
    this.#exhausted = true;
    this.#loggedAt = now;
    this.#logged = this.#refused;
    const { meaning, action } = ERRORS["connector.descriptors"];
    this.#log.warn({ code: "connector.descriptors", ...this.use }, `${meaning} ${action}`);
    this.#timer = setInterval(() => this.review(), COUNT_MS).unref();
    this.#onChange();
  }

  /** Looks whether the limit is still reached; while it is, a line in the log now and then says how many were refused. */
  review(): void {
    if (!this.#exhausted) return;
    const now = this.#now();
    if (now - this.#refusedAt >= CALM_MS) {
      clearInterval(this.#timer);
      this.#exhausted = false;
      this.#log.info({ ...this.use }, "there are descriptors for new connections again");
      this.#onChange();
    } else if (now - this.#loggedAt >= LOG_MS) {
      const more = this.#refused - this.#logged;
      this.#loggedAt = now;
      this.#logged = this.#refused;
      this.#log.warn({ code: "connector.descriptors", ...this.use }, `${more} more were refused`);
    }
  }
}

/** The message of a refusal, for whom it concerns: it may travel to another site, so it has no figures. */
export const NO_DESCRIPTORS = "the connector has no descriptors left";

/** Whether a failed call of the system was one for want of descriptors. */
export function isForWantOfDescriptors(error: Error): boolean {
  return "code" in error && (error.code === "EMFILE" || error.code === "ENFILE");
}
