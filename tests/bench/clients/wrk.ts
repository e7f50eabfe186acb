/** wrk as the client for HTTP, over kept-alive connections or over a new one for each request. */
import type { Address } from "../../support/process/cluster.ts";
import type { Ground } from "../ground.ts";
import type { Requests } from "../measures/measure.ts";
import { parseWrk } from "../parse/wrk.ts";

export interface WrkOptions {
  readonly connections: number;
  readonly ms: number;
  /**
   * Whether each request has a connection of its own: the server closes it after the answer, and wrk then opens the
   * next one. Times begin when the connection is open, which a listener's kernel does at once.
   */
  readonly isFresh?: boolean;
}

/**
 * Sends requests for `ms`, `connections` at a time.
 * @param wrk path of the program
 */
export async function wrkRequests(
  ground: Ground,
  wrk: string,
  { host, port }: Address,
  { connections, ms, isFresh = false }: WrkOptions,
): Promise<Requests> {
  const output = await ground.program(
    "wrk",
    wrk,
    [
      ...["-t", "1", "-c", String(connections), "-d", `${Math.ceil(ms / 1000)}s`, "--latency"],
      ...(isFresh ? ["-H", "Connection: close"] : []),
      ...["-s", ground.wrkScript, `http://${host}:${port}/`],
    ],
    ms + 30_000,
  );
  return parseWrk(output);
}
