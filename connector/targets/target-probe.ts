/**
 * Checks whether a server answers at a target, with one connection that is reset at once. A target without a server is
 * offered all the same, because the server may come later.
 */
import { asFairleadError, type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { type Exposure, firstTarget } from "../config/service-options.ts";
import type { Log } from "../log.ts";
import { formatAddress } from "../net/local-socket.ts";
import type { PoolPort, TargetPool } from "./target-pool.ts";

/** How long a target may take to answer, ms. */
const PROBE_MS = 3000;

/** Most checks at once. */
const MAX_PROBES = 16;

export interface TargetProbeOptions {
  readonly pool: Pick<TargetPool, "connect">;
  /** Id of this site. */
  readonly site: string;
  readonly log: Log;
  /** {@link PROBE_MS} unless given. */
  readonly timeoutMs?: number;
}

export class TargetProbe {
  readonly #options: TargetProbeOptions;
  readonly #closing = new AbortController();

  constructor(options: TargetProbeOptions) {
    this.#options = options;
  }

  /**
   * Checks all targets of an exposure. Returns the reason why no server answers at the first of them that fails; null if
   * one answers at each. Never throws.
   */
  async check(exposure: Exposure): Promise<FairleadError | null> {
    const problems = await eachOf(targetsIn(exposure), (target) => this.#checkTarget(target));
    return problems.find((problem) => problem !== null) ?? null;
  }

  /** Returns the reason why no server answers at the first target of the port, and logs it; null if one answers. */
  async #checkTarget({ name, port }: PoolPort): Promise<FairleadError | null> {
    const { site, pool, log, timeoutMs = PROBE_MS } = this.#options;
    const { host, port: number } = firstTarget(port);
    const target = formatAddress(host, number);
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const socket = await pool.connect({ name, port }, { site, hops: 0, signal });
      socket.on("error", () => {});
      // A reset leaves nothing at the server, which need not notice the connection at all.
      socket.resetAndDestroy();
      return null;
    } catch (thrown) {
      if (this.#closing.signal.aborted) return null;
      const problem = problemOf(asFairleadError(thrown, "service.unreachable"), name, target, timeoutMs);
      if (problem === null) return null;
      const { code, message, action } = problem;
      log.warn({ service: name, target, code, action }, `No server answers at the target: ${message}`);
      return problem;
    }
  }

  /** Checks the targets of exposures. */
  async checkAll(exposures: readonly Exposure[]): Promise<void> {
    await eachOf(exposures.flatMap(targetsIn), (target) => this.#checkTarget(target));
  }

  /** Ends the checks in progress. */
  close(): void {
    this.#closing.abort();
  }
}

/** Each target of an exposure, as a port that has no other. */
const targetsIn = ({ name, ports }: Exposure): PoolPort[] =>
  ports.flatMap((port) => port.targets.map((target) => ({ name, port: { ...port, targets: [target] } })));

/** Runs a check for each target, a few at a time. Returns the results in their order. */
async function eachOf<T, R>(targets: readonly T[], check: (target: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const waiting = targets.entries();
  const work = async (): Promise<void> => {
    for (const [at, target] of waiting) results[at] = await check(target);
  };
  await Promise.all(Array.from({ length: Math.min(MAX_PROBES, targets.length) }, work));
  return results;
}

/** What to do about a target without a server, by the code of the failure. */
const ADVICE: Partial<Record<ErrorCode, (service: string, target: string) => string>> = {
  "service.refused": (service, target) => `Start the server at ${target}, or ${correct(service)}`,
  "service.timeout": (service, target) =>
    `Check that the server at ${target} runs and that no firewall is between, or ${correct(service)}`,
  "service.unreachable": (service, target) =>
    `Check the host of ${target} and the network to it, or ${correct(service)}`,
};

const correct = (service: string) => `name another target: \`fairlead expose ${service}=HOST:PORT\`.`;

/** The failure of a target, with advice for its site; null if the connector failed and not the target. */
function problemOf(
  { code, message }: FairleadError,
  service: string,
  target: string,
  timeoutMs: number,
): FairleadError | null {
  if (code === "stream.cancelled") {
    const late = `The target ${target} did not answer within ${timeoutMs / 1000} s.`;
    return problemOf(new FairleadError("service.timeout", late), service, target, timeoutMs);
  }
  const action = ADVICE[code]?.(service, target);
  return action === undefined ? null : new FairleadError(code, message, { action });
}
