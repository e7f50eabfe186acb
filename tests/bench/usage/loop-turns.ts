/** Turns of a connector's event loop, by a probe that is preloaded into it. */
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const PROBE = pathToFileURL(join(import.meta.dirname, "loop-probe.ts")).href;

/** The option of Node that preloads the probe, and the variable that names its socket. */
export function loopProbe(socket: string): { readonly option: string; readonly env: Record<string, string> } {
  return { option: `--import=${PROBE}`, env: { BENCH_LOOP_PROBE: socket } };
}

/**
 * Returns the turns since the process started.
 * @throws Error when the probe does not answer
 */
export async function loopTurns(socket: string): Promise<number> {
  const turns = Number.parseInt(await text(connect(socket)), 10);
  if (!Number.isInteger(turns)) throw new Error(`The probe at ${socket} told no number of turns.`);
  return turns;
}
