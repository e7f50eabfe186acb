/** Runs `fairlead connector run`, from its configuration to its end. */

import { randomBytes } from "node:crypto";
import { asFairleadError, type FairleadError } from "../../protocol/errors.ts";
import { ID_BYTES, makeId } from "../../protocol/ids.ts";
import { aborted } from "../async/abort.ts";
import { resolvesWithin } from "../async/timeout.ts";
import type { FollowedFile } from "../config/config-reload.ts";
import type { ConnectorConfig } from "../config/connector-config.ts";
import { toMilliseconds } from "../config/duration.ts";
import { controlRoutes } from "../control/routes.ts";
import { controlPath, serveControl } from "../control/server.ts";
import type { ClusterState } from "../kubernetes/open-state.ts";
import type { LeveledLog, Log } from "../log.ts";
import { partLog } from "../log-levels.ts";
import type { SessionLimits } from "../session/limits.ts";
import { startSite } from "../site/start.ts";
import { tokenReader } from "../site/token.ts";
import { TokenFiles } from "../site/token-files.ts";
import { openStateDirectory, type StateDirectory } from "../state/directory.ts";
import { startTracing } from "../tracing/tracing.ts";
import type { Environment } from "../tracing/tracing-variables.ts";
import { reachGateway } from "../uplink/dial.ts";
import { version } from "../version.ts";
import { Connector } from "./connector.ts";
import { DRAIN_MS } from "./drain.ts";

export interface RunOptions {
  readonly config: ConnectorConfig;
  /** Where the configuration comes from, when that is a file. */
  readonly file?: FollowedFile | undefined;
  readonly stateDir: string;
  /** Session limits that no option sets; tests have others. */
  readonly limits?: Partial<SessionLimits>;
  readonly log: LeveledLog;
  /** The variables of the process: those of OpenTelemetry, and those of a pod in a cluster; none unless given. */
  readonly environment?: Environment;
  /** The last lines of the log, which a dump has; none unless given. */
  readonly recentLines?: () => readonly string[];
  /** Stops the connector. */
  readonly signal: AbortSignal;
  /** Called once the site has joined and the control socket answers. The uplink may not be up yet. */
  readonly onReady?: () => void;
}

/** The longest time that closing may take, ms. */
const CLOSE_MS = 4500;

/**
 * Runs a connector until `signal` aborts, then lets its streams finish.
 * Failures after the start are in the log and the status, and are not thrown.
 * @throws FairleadError when the connector cannot start: request.invalid, token.*, site.name_taken,
 * certificate.too_old, renewal.refused, site.revoked, state.*, kubernetes.*.
 */
export async function runConnector(options: RunOptions): Promise<void> {
  const { config, file, stateDir, limits, log, signal } = options;
  const boot = makeId("boot", randomBytes(ID_BYTES));
  const directory = openStateDirectory(stateDir, { role: "connector" });
  const closing: (() => Promise<void>)[] = [() => directory.close()];
  try {
    // Checked before a token is redeemed.
    controlPath(directory.path);
    const shared = await openShared(options, directory);
    if (shared === null) return;
    if (shared !== undefined) closing.push(() => shared.close());
    const state = shared?.state ?? directory;
    const { readToken, tokenRefused } = tokensOf(shared, signal);
    const { site: name, tokens } = config;
    const site = await startSite({
      ...{ state, boot, site: name, tokens, readToken, tokenRefused, reachGateway, signal },
      log: partLog(log, "site"),
    });
    if (site === null) return;
    const software = `fairlead/${version()}`;
    const identity = { ...site.membership, boot, version: version() };
    const tracer = await startTracing({
      environment: options.environment ?? {},
      identity,
      log: partLog(log, "tracing"),
    });
    if (tracer !== null) closing.push(() => tracer.close());
    const connector = await Connector.load({
      ...{ config, file, state, site, boot, software, readToken, limits, log, tracer: tracer ?? undefined },
      recentLines: options.recentLines,
      environment: options.environment,
    });
    closing.push(() => connector.close());
    shared?.state.onChange(() => void connector.takeStateOver());
    const control = await serveControl(state.path, controlRoutes(connector));
    closing.push(() => control.close());
    connector.start();
    // Another connector of the site may have stored something while this one was built.
    if (shared !== undefined) void connector.takeStateOver();
    options.onReady?.();
    await aborted(signal);
    log.info({}, "The connector stops.");
    const drainMs = toMilliseconds(connector.config.drain) ?? DRAIN_MS;
    if (drainMs > 0) await connector.drain(drainMs);
  } finally {
    await resolvesWithin(closeAll(closing.reverse(), log), CLOSE_MS);
  }
}

/** The state that connectors in a cluster share; undefined without a cluster, null when the connector is to stop. */
async function openShared(
  { config: { kubernetes }, environment = {}, log, signal }: RunOptions,
  directory: StateDirectory,
): Promise<ClusterState | null | undefined> {
  if (kubernetes === undefined) return undefined;
  const { openClusterState } = await import("./cluster-state.ts");
  return await openClusterState({
    ...{ config: kubernetes, directory, environment, signal },
    log: partLog(log, "kubernetes"),
  });
}

/** In a cluster, a token that is refused can be replaced in its Secret while the connector waits. */
function tokensOf(shared: ClusterState | undefined, signal: AbortSignal) {
  if (shared === undefined) return { readToken: tokenReader(process.stdin), tokenRefused: undefined };
  const files = new TokenFiles(process.stdin);
  return {
    readToken: (source: string) => files.read(source),
    tokenRefused: async (error: FairleadError) => {
      shared.tokenRefused(error);
      await files.replaced(signal);
    },
  };
}

async function closeAll(closing: readonly (() => Promise<void>)[], log: Log): Promise<void> {
  for (const close of closing) {
    try {
      await close();
    } catch (thrown) {
      const error = asFairleadError(thrown, "stream.internal");
      log.warn({ code: error.code }, `A part of the connector could not be closed: ${error.message}`);
    }
  }
}
