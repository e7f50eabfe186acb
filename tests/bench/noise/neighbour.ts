/**
 * One process of a busy neighbour: `spin`, or `sweep BYTES`, which reads and writes one byte of each cache line of a
 * buffer, for a while and then pauses.
 */
const LINE_BYTES = 64;

/** Time of a sweep and of the pause after it, ms: a fifth of one core. */
const SWEEP_MS = 1;
const PAUSE_MS = 4;

/** Lines between two looks at the clock. */
const BATCH = 1024;

function spin(): never {
  for (;;);
}

/** Goes round the buffer, which must have at least `BATCH` lines. */
function sweep(buffer: Uint8Array): never {
  const never = new Int32Array(new SharedArrayBuffer(4));
  const batchBytes = BATCH * LINE_BYTES;
  let from = 0;
  for (;;) {
    const until = performance.now() + SWEEP_MS;
    while (performance.now() < until) {
      for (let at = from; at < from + batchBytes; at += LINE_BYTES) buffer[at] = (buffer[at] ?? 0) + 1;
      from += batchBytes;
      if (from + batchBytes > buffer.length) from = 0;
    }
    Atomics.wait(never, 0, 0, PAUSE_MS);
  }
}

const [work, bytes] = process.argv.slice(2);
if (work === "sweep") sweep(new Uint8Array(Number(bytes)).fill(1));
spin();
