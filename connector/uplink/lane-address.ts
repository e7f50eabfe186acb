/**
 * The address at which lanes are dialled: the gateway, or a port of the same host that the edge reserves for
 * lanes. The port is used once a probe of it has succeeded, so a firewall or a proxy that blocks it delays no
 * session.
 */
import type { FairleadError } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import { Backoff } from "../net/backoff.ts";

/** Wait after a failure of the port until the next probe, ms. */
const RETRY = { base: 60_000, cap: 30 * 60_000 } as const;

export interface LaneAddressOptions {
  /** Origin of the gateway, `https://…`. */
  readonly gateway: () => string;
  /** Resolves when lanes are served at an origin; rejects with a FairleadError otherwise. */
  readonly probe: (origin: string) => Promise<void>;
  /** Whether a dial failed on the path to the edge, and not by the edge's own answer. */
  readonly isPathFailure: (error: unknown) => boolean;
  readonly log: Log;
  /** Monotonic clock, ms. */
  readonly now?: () => number;
  readonly random?: () => number;
}

export class LaneAddress {
  readonly #options: LaneAddressOptions;
  readonly #now: () => number;
  readonly #backoff: Backoff;
  #port: number | undefined;
  #isProven = false;
  #isProbing = false;
  /** No probe before this time, ms. */
  #quietUntil = Number.NEGATIVE_INFINITY;

  constructor(options: LaneAddressOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#backoff = new Backoff({ ...RETRY, random: options.random ?? Math.random });
  }

  /** Sets the port for lanes that `welcome` names; undefined for none. Probes it. */
  setPort(port: number | undefined): void {
    if (port !== this.#port) {
      this.#port = port;
      this.#isProven = false;
      this.#quietUntil = Number.NEGATIVE_INFINITY;
      this.#backoff.reset();
    }
    this.#probe();
  }

  /**
   * Dials a lane at the port for lanes if that was probed with success, and at the gateway otherwise or when
   * the port fails.
   * @param dial opens a lane at an origin
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
      if (!this.#options.isPathFailure(error)) throw error;
      this.#failed();
      return await dial(this.#options.gateway());
    }
  }

  get #direct(): string | null {
    return this.#isProven ? this.#url : null;
  }

  get #url(): string | null {
    if (this.#port === undefined) return null;
    const url = new URL(this.#options.gateway());
    url.port = String(this.#port);
    return url.origin;
  }

  #probe(): void {
    const url = this.#url;
    if (url === null || this.#isProven || this.#isProbing || this.#now() < this.#quietUntil) return;
    const port = this.#port;
    this.#isProbing = true;
    const { probe, log } = this.#options;
    void probe(url)
      .then(
        () => {
          if (port !== this.#port) return;
          this.#isProven = true;
          this.#backoff.reset();
          log.debug({ url }, "Lanes are dialled at a port of their own.");
        },
        (error: FairleadError) => {
          log.debug({ url, code: error.code }, `Lanes are dialled at the gateway: ${error.message}`);
          if (port === this.#port) this.#failed();
        },
      )
      .finally(() => {
        this.#isProbing = false;
      });
  }

  #failed(): void {
    this.#isProven = false;
    this.#quietUntil = this.#now() + this.#backoff.next();
  }
}
