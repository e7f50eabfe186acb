/** The launch of workerd, until it serves on all sockets. */
import { rm } from "node:fs/promises";
import { FairleadError } from "../../../protocol/errors.ts";
import { unlessAborted } from "../../async/abort.ts";
import { withTimeout } from "../../async/timeout.ts";
import type { Log } from "../../log.ts";
import type { Address } from "../addresses/addresses.ts";
import { probeSocket, probeTls } from "./probe.ts";
import { Workerd } from "./workerd.ts";
import type { FrontSockets } from "./workerd-config.ts";

/** Longest duration of a launch, ms. */
const LAUNCH_MS = 30_000;

export interface LaunchOptions {
  /** Absolute path of workerd's configuration. */
  readonly config: string;
  /** The secrets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Paths of the Unix sockets in the configuration. */
  readonly sockets: FrontSockets;
  /** Where workerd itself accepts lanes; null when it does not. */
  readonly lanes: Address | null;
  /** The server certificate in the configuration, PEM. */
  readonly certificate: string;
  readonly log: Log;
  /** Aborts the launch. */
  readonly signal: AbortSignal;
}

/**
 * Launches workerd. Resolves when it responds on its Unix sockets and, with the certificate, at the lanes'
 * address.
 * @throws FairleadError edge.failed, edge.port_taken. The process has ended by then.
 */
export async function launchWorkerd(options: LaunchOptions): Promise<Workerd> {
  const { config, environment, lanes, log, signal } = options;
  const paths = Object.values(options.sockets).filter((path) => path !== undefined);
  // Sockets of an earlier run: workerd does not bind over them.
  await Promise.all(paths.map((path) => rm(path, { force: true })));
  const { door, console } = options.sockets;
  const sockets = [
    ...["api", "gateway"],
    ...(door === undefined ? [] : ["door"]),
    ...(console === undefined ? [] : ["console"]),
    ...(lanes === null ? [] : ["lanes"]),
  ];
  const workerd = new Workerd({ config, environment, sockets, log });
  const late = () => new FairleadError("edge.failed", `workerd did not serve within ${LAUNCH_MS / 1000} s.`);
  const stopped = () => new FairleadError("edge.failed", "The edge was stopped while it started.");
  try {
    await unlessAborted(withTimeout(serving(workerd, options), LAUNCH_MS, late), signal, stopped);
    return workerd;
  } catch (error) {
    await workerd.end(0);
    throw error;
  }
}

/** Resolves when workerd serves on all sockets. @throws FairleadError edge.failed, edge.port_taken. */
async function serving(workerd: Workerd, { sockets, lanes, certificate }: LaunchOptions): Promise<void> {
  await workerd.listening;
  for (const path of Object.values(sockets)) {
    if (path === undefined || (await probeSocket(path))) continue;
    throw new FairleadError("edge.failed", `workerd does not serve on ${path}.`);
  }
  if (lanes !== null && !(await probeTls(certificate, lanes))) {
    throw new FairleadError("edge.failed", `workerd does not serve TLS on port ${lanes.port}.`);
  }
}
