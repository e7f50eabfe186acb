/**
 * Connections that have failed and get their last bytes through before they are reset. TCP delivers what came before a
 * reset; so do we, but only for as long as bytes move, and with bounds for the whole process: whoever resets leaves
 * nothing behind that is worth piling up.
 */

/** How long a failed connection may make no progress before it is reset all the same, ms. */
export const STALL_MS = 10_000;

/** Between two looks at the progress, ms. */
const LOOK_MS = 1000;

export interface PendingResetOptions {
  /** Bytes that are held for it. */
  readonly bytes: number;
  /** Changes whenever bytes move. */
  readonly progress: () => number;
  /** Resets it, whatever is left. */
  readonly reset: () => void;
}

export class PendingResets {
  readonly #limits: { readonly count: number; readonly bytes: number; readonly stallMs: number };
  readonly #entries = new Set<PendingResetOptions>();
  #bytes = 0;

  constructor(limits: { count?: number; bytes?: number; stallMs?: number } = {}) {
    this.#limits = { count: 1024, bytes: 64 * 1024 * 1024, stallMs: STALL_MS, ...limits };
  }

  /** Connections that wait for their last bytes. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Notes a connection that shall be reset once its last bytes are through, and resets it when they make no progress.
   * Returns what to call when it is over; null when there is no room for more, and it has to be reset at once.
   */
  add(options: PendingResetOptions): (() => void) | null {
    const { count, bytes, stallMs } = this.#limits;
    if (this.#entries.size >= count || this.#bytes + options.bytes > bytes) return null;
    this.#entries.add(options);
    this.#bytes += options.bytes;
    let last = options.progress();
    let since = performance.now();
    const timer = setInterval(
      () => {
        const now = options.progress();
        if (now !== last) {
          last = now;
          since = performance.now();
        } else if (performance.now() - since >= stallMs) {
          over();
          options.reset();
        }
      },
      Math.min(LOOK_MS, stallMs),
    ).unref();
    const over = () => {
      clearInterval(timer);
      if (this.#entries.delete(options)) this.#bytes -= options.bytes;
    };
    return over;
  }

  /** Resets all of them now: a process that ends would close them as if they were whole. */
  resetAll(): void {
    for (const { reset } of [...this.#entries]) reset();
  }
}

/** Those of this process. */
export const pendingResets = new PendingResets();
