/**
 * Keeps the process below its limit of descriptors. At the limit the kernel accepts no client, and libuv closes the
 * connection with a FIN, which a client takes for an empty answer. So clients, targets and lanes take a descriptor here
 * first. A reserve is left for the uplink, the control socket and files.
 *
 * The watch counts the descriptors that are taken and released. It reads the system's count when half of the limit is
 * used.
 */
import { ERRORS } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import { countDescriptors, descriptorLimit } from "./descriptor-limit.ts";

export interface DescriptorWatchOptions {
  /** Most descriptors of the process; null if unlimited. The system's limit unless given. */
  readonly limit?: number | null;
  /** The number of descriptors in use; null if the system does not report it. The system's count unless given. */
  readonly count?: () => number | null;
  /** A clock that never goes back, ms. */
  readonly now?: () => number;
  /** Called when the limit is reached, and when descriptors are free again. */
  readonly onChange?: () => void;
  /** Called when descriptors run short, before the limit is reached: gives up what is not in use. */
  readonly onShortage?: () => void;
  readonly log: Log;
}

/** The descriptors of the process, as `status` shows them. */
export interface DescriptorUse {
  readonly used: number;
  readonly limit: number;
  /** Number of clients, streams and lanes refused for lack of descriptors since the process began. */
  readonly refused: number;
  /** Whether one was refused within the last ten seconds. */
  readonly exhausted: boolean;
}

/** The reserve: a share of the limit that clients and targets leave free, and its bounds. */
const RESERVE = { share: 1 / 8, least: 32, most: 1024 } as const;
/** Pause between two readings of the system's count: ms, and a multiple of the time that a reading takes. */
const COUNT_MS = 1000;
const COUNT_TIMES = 100;
/** Pause between two times that what is not in use is given up, ms. */
const IDLE_MS = 100;
/** Time without a refusal after which descriptors count as free again, ms. */
const CALM_MS = 10_000;
/** Time between two log lines while the limit is reached, ms. */
const LOG_MS = 60_000;

export class DescriptorWatch {
  readonly #limit: number;
  readonly #reserve: number;
  readonly #count: () => number | null;
  readonly #now: () => number;
  readonly #onChange: () => void;
  readonly #onShortage: () => void;
  readonly #log: Log;
  /** Descriptors that clients and targets may still take; negative while the reserve is in use. */
  #room: number;
  #countAt = Number.NEGATIVE_INFINITY;
  /** When what is not in use may be given up again. */
  #idleAt = Number.NEGATIVE_INFINITY;
  #refused = 0;
  #exhausted = false;
  #refusedAt = 0;
  #loggedAt = 0;
  #logged = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Releases a descriptor. A property, so that the listener of each socket costs no closure. */
  readonly release = (): void => {
    this.#room++;
  };

  constructor(options: DescriptorWatchOptions) {
    const { limit = descriptorLimit(), count = countDescriptors, log, onChange } = options;
    const { share, least, most } = RESERVE;
    this.#count = count;
    this.#now = options.now ?? (() => performance.now());
    this.#onChange = onChange ?? (() => {});
    this.#onShortage = options.onShortage ?? (() => {});
    this.#log = log;
    this.#limit = limit !== null && count() !== null ? limit : Number.POSITIVE_INFINITY;
    this.#reserve = Math.min(most, Math.max(least, Math.floor(this.#limit * share)));
    this.#room = this.#limit - this.#reserve;
    if (this.#isLimited) this.#recount();
  }

  get #isLimited(): boolean {
    return this.#limit !== Number.POSITIVE_INFINITY;
  }

  /** Null if descriptors are unlimited. */
  get use(): DescriptorUse | null {
    if (!this.#isLimited) return null;
    const used = Math.max(0, this.#limit - this.#reserve - this.#room);
    return { used, limit: this.#limit, refused: this.#refused, exhausted: this.#exhausted };
  }

  /** Takes a descriptor for a client or a target, until {@link release}. False if only the reserve is left. */
  take(): boolean {
    return this.#take(0);
  }

  /** Takes a descriptor for a lane, which may use half of the reserve. */
  takeForLane(): boolean {
    return this.#take(-this.#reserve / 2);
  }

  /** Call this when a call of the system failed for lack of descriptors. */
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
    if (this.#room <= this.#reserve) this.#giveUpIdle();
    if (this.#room <= least) {
      this.#refuse();
      return false;
    }
    this.#room--;
    return true;
  }

  /** Closed connections give their descriptors back, so that those to come find some. */
  #giveUpIdle(): void {
    const now = this.#now();
    if (now < this.#idleAt) return;
    this.#idleAt = now + IDLE_MS;
    this.#onShortage();
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

  /** Checks whether descriptors are free again. While they are not, logs the number of refusals once a minute. */
  review(): void {
    if (!this.#exhausted) return;
    const now = this.#now();
    if (now - this.#refusedAt >= CALM_MS) {
      clearInterval(this.#timer);
      this.#exhausted = false;
      this.#log.info({ ...this.use }, "There are descriptors for new connections again.");
      this.#onChange();
    } else if (now - this.#loggedAt >= LOG_MS) {
      const more = this.#refused - this.#logged;
      this.#loggedAt = now;
      this.#logged = this.#refused;
      this.#log.warn({ code: "connector.descriptors", ...this.use }, `Further connections refused: ${more}.`);
    }
  }
}

/** The message of a refusal. It travels to the client's site, so it has no figures. */
export const NO_DESCRIPTORS = "The connector that offers the service has no descriptors left.";

/** Whether a call of the system failed for lack of descriptors. */
export function isForWantOfDescriptors(error: Error): boolean {
  return "code" in error && (error.code === "EMFILE" || error.code === "ENFILE");
}
