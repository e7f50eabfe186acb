/**
 * Where lanes are dialled: at the gateway, or at a port of the same host that the edge has for lanes alone. That one is used
 * only once it has answered, so that a port that a firewall closes, or a proxy refuses, delays no session.
 */
import type { FairleadError } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import { Backoff } from "../net/backoff.ts";

/** From a dial there that failed to the next probe, ms. */
const RETRY = { base: 60_000, cap: 30 * 60_000 } as const;

export interface LaneAddressOptions {
  /** The gateway, `https://…`. */
  readonly gateway: () => string;
  /** Whether lanes are served at a URL. Rejects with a FairleadError when they are not. */
  readonly probe: (url: string) => Promise<void>;
  /** Whether an error of a dial is one of the way there, and not the edge's own answer. */
  readonly mayPass: (error: unknown) => boolean;
  readonly log: Log;
  /** Monotonic, ms. */
  readonly now?: () => number;
  readonly random?: () => number;
}

export class LaneAddress {
  readonly #options: LaneAddressOptions;
  readonly #now: () => number;
  readonly #backoff: Backoff;
  #port: number | undefined;
  #proven = false;
  #probing = false;
  /** No probe before this time, ms. */
  #quietUntil = Number.NEGATIVE_INFINITY;

  constructor(options: LaneAddressOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#backoff = new Backoff({ ...RETRY, random: options.random ?? Math.random });
  }

  /** The edge's port for lanes, as `welcome` tells it; undefined when it has none. */
  told(port: number | undefined): void {
    if (port !== this.#port) {
      this.#port = port;
      this.#proven = false;
      this.#quietUntil = Number.NEGATIVE_INFINITY;
      this.#backoff.reset();
    }
    this.#probe();
  }

  /**
   * Dials a lane: at the lanes' port when that has answered, and at the gateway when it has not or fails now.
   *
   * @param dial opens it at an origin
   */
  async dial<T>(dial: (origin: string) => Promise<T>): Promise<T> {
    const direct = this.#direct;
    if (direct === null) {
      this.#probe();
      return await dial(this.#options.gateway());
    }
    try {
      return await dial(direct);
    } catch (error) {
      if (!this.#options.mayPass(error)) throw error;
      this.#failed();
      return await dial(this.#options.gateway());
    }
  }

  get #direct(): string | null {
    return this.#proven ? this.#url : null;
  }

  get #url(): string | null {
    if (this.#port === undefined) return null;
    const url = new URL(this.#options.gateway());
    url.port = String(this.#port);
    return url.origin;
  }

  #probe(): void {
    const url = this.#url;
    if (url === null || this.#proven || this.#probing || this.#now() < this.#quietUntil) return;
    const port = this.#port;
    this.#probing = true;
    const { probe, log } = this.#options;
    void probe(url)
      .then(
        () => {
          if (port !== this.#port) return;
          this.#proven = true;
          this.#backoff.reset();
          log.debug({ url }, "lanes are dialled at their own port");
        },
        (error: FairleadError) => {
          log.debug({ url, code: error.code }, `lanes stay on the gateway: ${error.message}`);
          if (port === this.#port) this.#failed();
        },
      )
      .finally(() => {
        this.#probing = false;
      });
  }

  #failed(): void {
    this.#proven = false;
    this.#quietUntil = this.#now() + this.#backoff.next();
  }
}
