/** The open flows of datagrams. A flow without datagrams for a while is ended. */
import type { DatagramStream } from "./datagram-stream.ts";

/** How long a flow may be without datagrams, ms. */
export const IDLE_MS = 60_000;

/** Time between two looks at idle flows, ms, or a quarter of the idle time if that is shorter. */
const SWEEP_MS = 5000;

export class DatagramFlows {
  readonly #flows = new Set<DatagramStream>();
  readonly #idleMs: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param idleMs {@link IDLE_MS} unless given */
  constructor(idleMs = IDLE_MS) {
    this.#idleMs = idleMs;
  }

  get size(): number {
    return this.#flows.size;
  }

  add(flow: DatagramStream): void {
    this.#flows.add(flow);
    this.#timer ??= setInterval(() => this.#sweep(), Math.min(SWEEP_MS, this.#idleMs / 4)).unref();
  }

  delete(flow: DatagramStream): void {
    this.#flows.delete(flow);
    if (this.#flows.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Ends every flow. */
  endAll(): void {
    for (const flow of [...this.#flows]) flow.end();
  }

  #sweep(): void {
    const since = performance.now() - this.#idleMs;
    for (const flow of [...this.#flows]) if (flow.activeAt < since) flow.end();
  }
}
