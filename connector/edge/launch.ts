/** From spawning workerd to its serving on both addresses. */
import { setTimeout as sleep } from "node:timers/promises";
import { FairleadError } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import type { Addresses } from "./addresses.ts";
import { answersWith } from "./probe.ts";
import { Workerd } from "./workerd.ts";

const LAUNCH_MS = 30_000;

export interface LaunchOptions {
  /** Absolute path of workerd's configuration. */
  readonly config: string;
  /** The secrets. */
  readonly environment: Readonly<Record<string, string>>;
  readonly addresses: Addresses;
  /** The server certificate of the configuration, PEM. */
  readonly certificate: string;
  readonly log: Log;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/**
 * Runs workerd; resolves when both addresses accept TLS with the certificate.
 *
 * @throws FairleadError edge.failed, edge.port_taken; the process is gone then
 */
export async function launchWorkerd(options: LaunchOptions): Promise<Workerd> {
  const { config, environment, addresses, certificate, log } = options;
  const workerd = new Workerd({ config, environment, sockets: ["api", "links"], log });
  const enough = new AbortController();
  const given = AbortSignal.any([options.signal, enough.signal]);
  const overdue = sleep(LAUNCH_MS, undefined, { signal: given }).then(
    () => Promise.reject(new FairleadError("edge.failed", `workerd did not serve in ${LAUNCH_MS / 1000} s.`)),
    () => Promise.reject(new FairleadError("edge.failed", "The edge was stopped while it started.")),
  );
  overdue.catch(() => {});
  try {
    await Promise.race([workerd.listening, overdue]);
    for (const address of [addresses.api, addresses.links]) {
      if (!(await Promise.race([answersWith(certificate, address), overdue]))) {
        throw new FairleadError("edge.failed", `workerd does not serve TLS on port ${address.port}.`);
      }
    }
    return workerd;
  } catch (error) {
    await workerd.end(0);
    throw error;
  } finally {
    enough.abort();
  }
}
