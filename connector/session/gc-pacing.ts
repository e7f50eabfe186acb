/**
 * Keeps bytes that pass through from causing full garbage collections.
 *
 * A buffer's memory lies outside V8's heap. A young collection frees it, but V8 starts one only when small objects
 * have filled the young generation, and buffers of 16 to 64 KiB come with few of those. Meanwhile what lies outside
 * counts as growth of the old generation, so that V8 begins full collections, ten in a second, each of which walks
 * everything that the process has. So whoever moves bytes says how many, and after {@link EVERY_BYTES} a young
 * collection is called for, which takes half a millisecond. docs/performance.md has the figures.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** More, and V8 is faster with a full one; less, and what is still under way is taken for old. */
const EVERY_BYTES = 16 * 1024 * 1024;

/** Percent that the heap may grow between two full collections: room for the buffers of {@link EVERY_BYTES}. */
const GROWTH_PERCENT = 300;

/** Counts bytes, and calls `collect` each time that `every` of them have passed. */
export function everyBytes(every: number, collect: () => void): (bytes: number) => void {
  let passed = 0;
  return (bytes) => {
    passed += bytes;
    if (passed < every) return;
    passed = 0;
    collect();
  };
}

type Collect = (options: { type: "minor" }) => void;

/** V8's own `gc`; its flags can be set while it runs. */
function youngCollection(): () => void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
  setFlagsFromString("--expose-gc");
  const collect: Collect = runInNewContext("gc");
  return () => collect({ type: "minor" });
}

/** Notes that so many bytes passed through this process in buffers of their own. */
export const bytesPassed = everyBytes(EVERY_BYTES, youngCollection());
