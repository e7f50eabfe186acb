/**
 * Paces young garbage collections by the bytes that pass through the process, so that V8 starts few full
 * ones.
 *
 * A buffer's memory lies outside V8's heap. A young collection frees it, but V8 starts one only when small
 * objects fill the young generation, and buffers of 16 to 64 KiB come with few small objects. Meanwhile V8
 * (Node 24) counts external memory as growth of the old generation. It then runs up to ten full collections
 * per second, each of which walks the whole heap. A young collection every {@link EVERY_BYTES} takes half a
 * millisecond instead (docs/performance.md).
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * With a larger value V8 starts a full collection first; with a smaller one, buffers in flight are promoted
 * as old.
 */
export const EVERY_BYTES = 16 * 1024 * 1024;

/**
 * Growth of the heap between two full collections, percent: leaves room for the buffers of {@link
 * EVERY_BYTES}.
 */
const GROWTH_PERCENT = 300;

type Collect = (options: { type: "minor" }) => void;

/** Exposes V8's `gc`; V8 accepts these flags at run time. */
function youngCollection(): () => void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
  setFlagsFromString("--expose-gc");
  const collect: Collect = runInNewContext("gc");
  return () => collect({ type: "minor" });
}

/** Counts bytes, and calls a function after each {@link EVERY_BYTES}. */
export class GcPacing {
  readonly #prepare: () => () => void;
  #collect: (() => void) | null = null;
  #passed = 0;

  /** `prepare` makes the function that collects. {@link start} calls it. */
  constructor(prepare: () => () => void = youngCollection) {
    this.#prepare = prepare;
  }

  /** Changes V8's settings for the process. Before this, nothing is collected. Later calls do nothing. */
  start(): void {
    this.#collect ??= this.#prepare();
  }

  /** Counts bytes that passed through this process in buffers of their own. */
  note(bytes: number): void {
    this.#passed += bytes;
    if (this.#passed < EVERY_BYTES) return;
    this.#passed = 0;
    this.#collect?.();
  }
}

/** The pacing of this process, which the session manager starts. */
export const gcPacing = new GcPacing();
