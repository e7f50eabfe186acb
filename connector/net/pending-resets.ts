/**
 * Failed connections that deliver their last bytes before they are reset, as TCP does. Each may take as long
 * as its bytes make progress. Their count and bytes are limited for the whole process.
 */

/** Time without progress after which a failed connection is reset, ms. */
export const STALL_MS = 10_000;

/** Between two checks of the progress, ms. */
const CHECK_MS = 1000;

export interface PendingResetOptions {
  /** Bytes held for the connection. */
  readonly bytes: number;
  /** A number that changes whenever bytes move. */
  readonly progress: () => number;
  /** Resets the connection and drops its remaining bytes. */
  readonly reset: () => void;
}

export class PendingResets {
  readonly #limits: { readonly count: number; readonly bytes: number; readonly stallMs: number };
  readonly #entries = new Set<PendingResetOptions>();
  #bytes = 0;

  constructor(limits: { count?: number; bytes?: number; stallMs?: number } = {}) {
    this.#limits = { count: 1024, bytes: 64 * 1024 * 1024, stallMs: STALL_MS, ...limits };
  }

  /** Count of connections whose reset is pending. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Watches a connection until its last bytes are delivered, and resets it when they make no progress.
   * Returns a function to call when the connection has ended; null at the limits, when the caller must reset
   * the connection at once.
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
      Math.min(CHECK_MS, stallMs),
    ).unref();
    const over = () => {
      clearInterval(timer);
      if (this.#entries.delete(options)) this.#bytes -= options.bytes;
    };
    return over;
  }

  /** Resets all connections now. Otherwise the end of the process would close them like complete ones. */
  resetAll(): void {
    for (const { reset } of [...this.#entries]) reset();
  }
}

/** The pending resets of this process. */
export const pendingResets = new PendingResets();
