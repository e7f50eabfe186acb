/**
 * Free TCP ports. Each worker of the tests has a stretch of its own, and takes one port after the other, so no test
 * takes the port of a process that another test has killed and starts again. An edge chooses its own free ports above
 * them, and outgoing connections have higher ones.
 */
import { randomInt } from "node:crypto";
import { tryAddress } from "../../connector/edge/addresses/ports.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { MAX_WORKERS } from "./run/max-workers.ts";

const FIRST = 10_000;
/** The first port of those that an edge chooses from. */
const END = 20_000;
/** One for each worker of the tests, whose ids begin at 1, and one for other processes. */
const STRETCHES = MAX_WORKERS + 1;
/** Ports of a worker. */
const STRETCH = Math.floor((END - FIRST) / STRETCHES);

/** Returns the first port of a worker's stretch, and the first one behind it. */
export function stretchOf(worker: number): readonly [first: number, end: number] {
  const first = FIRST + (worker % STRETCHES) * STRETCH;
  return [first, first + STRETCH];
}

const [first, end] = stretchOf(Number(process.env.VITEST_POOL_ID ?? process.pid));
let next = randomInt(first, end);

/** Returns a TCP port that is free at `host`. Another program may still take it before the caller does. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  for (;;) {
    const port = next;
    next = next + 1 < end ? next + 1 : first;
    try {
      return await tryAddress({ host, port });
    } catch (error) {
      if (!(error instanceof FairleadError && error.code === "edge.port_taken")) throw error;
    }
  }
}
