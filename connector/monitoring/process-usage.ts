/** What the connector's process uses: CPU, memory, and the time that its event loop is late. */
import { monitorEventLoopDelay } from "node:perf_hooks";

export interface ProcessUsage {
  readonly cpuSeconds: number;
  /** Bytes of memory: of the whole process, of JavaScript's heap, and of buffers. */
  readonly resident: number;
  readonly heapUsed: number;
  readonly external: number;
  /** When the process started, s since 1970. */
  readonly startedAt: number;
  /** How late timers of the event loop were since the last reading, s; null while that is not measured. */
  readonly loopDelay: { readonly mean: number; readonly p99: number; readonly max: number } | null;
}

/** Between two measurements of the event loop, ms. */
const RESOLUTION_MS = 100;
const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;

/** Reads the usage of the process. The event loop is watched between {@link start} and {@link stop} alone. */
export class ProcessMeter {
  #delay: ReturnType<typeof monitorEventLoopDelay> | null = null;

  start(): void {
    this.#delay ??= monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#delay.enable();
  }

  stop(): void {
    this.#delay?.disable();
    this.#delay = null;
  }

  read(): ProcessUsage {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, external } = process.memoryUsage();
    return {
      cpuSeconds: (user + system) / MICROSECONDS,
      ...{ resident: rss, heapUsed, external },
      startedAt: performance.timeOrigin / 1000,
      loopDelay: this.#readDelay(),
    };
  }

  #readDelay(): ProcessUsage["loopDelay"] {
    const delay = this.#delay;
    if (delay === null || delay.count === 0) return null;
    // Node reports the whole interval between two measurements, of which the resolution is not late.
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS / 1000);
    const read = { mean: late(delay.mean), p99: late(delay.percentile(99)), max: late(delay.max) };
    delay.reset();
    return read;
  }
}
