/** `fairlead connector run`, from its options to its end. */
import { randomBytes } from "node:crypto";
import { asFairleadError } from "../../protocol/errors.ts";
import { ID_BYTES, makeId } from "../../protocol/ids.ts";
import { aborted } from "../async/abort.ts";
import { resolvesWithin } from "../async/timeout.ts";
import { HopRules, parseAllowHop, parseHop } from "../config/hop-policy.ts";
import {
  type Bind,
  DEFAULT_HOST,
  parseBind,
  parseExpose,
  parseListen,
  parseTo,
  withScopes,
} from "../config/service-options.ts";
import { controlRoutes } from "../control/routes.ts";
import { controlPath, serveControl } from "../control/server.ts";
import type { Log } from "../log.ts";
import type { SessionLimits } from "../session/limits.ts";
import { redeemFurther } from "../site/further-tokens.ts";
import { startSite } from "../site/start.ts";
import { tokenReader } from "../site/token.ts";
import { openStateDirectory } from "../state/directory.ts";
import { version } from "../version.ts";
import { Connector } from "./connector.ts";
import { DRAIN_MS } from "./drain.ts";

export interface RunOptions {
  /** Name of the site; may be left out once it has joined. */
  readonly site: string | undefined;
  readonly stateDir: string;
  /** Token files; "-" is standard input. */
  readonly tokens: readonly string[];
  readonly expose: readonly string[];
  /** The only sites that a service is offered to. */
  readonly to?: readonly string[];
  readonly listen: readonly string[];
  readonly bind?: string;
  /** Services that this site offers, and uses, with hop encryption. */
  readonly hop?: readonly string[];
  readonly allowHop?: readonly string[];
  /** Lanes of each session, how long one may be without any, and so on; those that differ from the usual. */
  readonly sessions?: Partial<SessionLimits>;
  /** Idle time before the kernel probes a local connection, ms; null probes none; 15 s unless given. */
  readonly keepAliveMs?: number | null | undefined;
  /** How long streams may go on once the connector is told to stop, ms; 30 s unless given. */
  readonly drainMs?: number;
  /** What other sites may make this process hold, bytes; see {@link memoryLimit} unless given. */
  readonly memory?: number;
  readonly log: Log;
  /** Ends the connector. */
  readonly signal: AbortSignal;
  /** Called once the site has joined and the control socket answers; the uplink may still be on its way. */
  readonly onReady?: () => void;
}

/** What closing may take at the most, ms. */
const CLOSE_MS = 4500;

/**
 * Runs a connector until `signal` aborts, then lets its streams finish. Whatever comes from outside while it runs ends up in its log and
 * status, not here.
 * @throws FairleadError when it cannot start: request.invalid, token.*, site.name_taken, certificate.too_old,
 * renewal.refused, site.revoked, state.*.
 */
export async function runConnector(options: RunOptions): Promise<void> {
  const { stateDir, log, signal } = options;
  const boot = makeId("boot", randomBytes(ID_BYTES));
  const expose = withScopes(options.expose.map(parseExpose), options.to?.map(parseTo) ?? []);
  const listen = options.listen.map(parseListen);
  const bind: Bind =
    options.bind === undefined ? { kind: "address", address: DEFAULT_HOST } : parseBind(options.bind);
  const hop = new HopRules({
    hop: options.hop?.map(parseHop) ?? [],
    allowHop: options.allowHop?.map(parseAllowHop) ?? [],
  });
  const state = openStateDirectory(stateDir, { role: "connector" });
  const closing: (() => Promise<void>)[] = [() => state.close()];
  try {
    // Known before anything is spent on a token.
    controlPath(state.path);
    const { site: name, tokens } = options;
    const read = tokenReader(process.stdin);
    const site = await startSite({ state, boot, site: name, tokens, readToken: read, log, signal });
    if (site === null) return;
    const software = `fairlead/${version()}`;
    const { sessions = {}, keepAliveMs: localKeepAliveMs, memory } = options;
    const connector = await Connector.load({
      ...{ state, site, boot, software, expose, listen, bind, hop, sessions, localKeepAliveMs },
      ...{ memory, log },
    });
    closing.push(() => connector.close());
    const control = await serveControl(state.path, controlRoutes(connector));
    closing.push(() => control.close());
    connector.start();
    options.onReady?.();
    void connector.welcomed.then(() =>
      redeemFurther({
        ...{ sources: tokens, read, log, signal },
        redeemed: (token) => site.hasRedeemed(token),
        redeem: (token) => connector.link(token),
      }),
    );
    await aborted(signal);
    log.info({}, "the connector stops");
    const { drainMs = DRAIN_MS } = options;
    if (drainMs > 0) await connector.drain(drainMs);
  } finally {
    await resolvesWithin(closeAll(closing.reverse(), log), CLOSE_MS);
  }
}

async function closeAll(closing: readonly (() => Promise<void>)[], log: Log): Promise<void> {
  for (const close of closing) {
    try {
      await close();
    } catch (thrown) {
      const error = asFairleadError(thrown, "stream.internal");
      log.warn({ code: error.code }, `while stopping: ${error.message}`);
    }
  }
}
