/** Starts a site: joins or renews, and retries transient failures. */
import { asFairleadError, type ErrorCode, type FairleadError } from "../../protocol/errors.ts";
import type { TokenFile } from "../../protocol/tokens.ts";
import { sleep } from "../async/sleep.ts";
import type { Log } from "../log.ts";
import { Backoff } from "../net/backoff.ts";
import { OutageLog } from "../outage-log.ts";
import type { StateStore } from "../state/store.ts";
import { type EdgeApi, edgeApi } from "./edge-api.ts";
import type { ReachGateway } from "./edge-move.ts";
import { Site } from "./site.ts";
import { TokenMoves } from "./token-moves.ts";

export interface StartOptions {
  readonly state: StateStore;
  readonly boot: string;
  readonly site: string | undefined;
  readonly tokens: readonly string[];
  readonly readToken: (source: string) => Promise<TokenFile>;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Reaches the gateway of an address that a token names. Without it, tokens move no site. */
  readonly reachGateway?: ReachGateway;
  /**
   * Called when the site cannot join with its tokens. Resolves when there are others, with which it is tried again.
   * Without it, the start fails.
   */
  readonly tokenRefused?: ((error: FairleadError) => Promise<void>) | undefined;
  readonly api?: EdgeApi;
  readonly backoff?: { readonly base: number; readonly cap: number };
}

/**
 * Starts the site of a state directory and ensures that its certificate is good. Null if `signal` aborted
 * first. Transient failures, such as an edge that is not up yet, are retried.
 * @throws FairleadError `token.*`, `site.name_taken`, `certificate.too_old`, `renewal.refused`,
 * `site.revoked`, `request.invalid`, `state.*`, `edge.untrusted`
 */
export async function startSite(options: StartOptions): Promise<Site | null> {
  const { api = edgeApi, ...rest } = options;
  const site = await untilDone(options, () => Site.start({ ...rest, api }));
  if (site === null) return null;
  const { tokens, readToken, log, reachGateway } = options;
  const moves = reachGateway && new TokenMoves({ site, tokens, readToken, reachGateway, log });
  return await untilDone(options, async () => {
    await moves?.attempt();
    await site.ensureFresh();
    return site;
  });
}

/** Whether another token, or one of another site, mends an error. */
function isOfToken(code: ErrorCode): boolean {
  if (code === "token.missing") return false;
  return code.startsWith("token.") || OTHER_TOKEN_CODES.includes(code);
}

const OTHER_TOKEN_CODES: readonly ErrorCode[] = [
  ...(["file.unreadable", "site.name_taken", "certificate.too_old", "quota.sites"] as const),
];

async function untilDone<T>(options: StartOptions, attempt: () => Promise<T>): Promise<T | null> {
  const { signal, log } = options;
  const backoff = new Backoff({ base: 1000, cap: 15_000, ...options.backoff, random: Math.random });
  const outage = new OutageLog(log);
  while (!signal.aborted) {
    try {
      const done = await attempt();
      outage.ended({}, (length) => `The site can start, after ${length}.`);
      return done;
    } catch (thrown) {
      const error = asFairleadError(thrown, "edge.internal");
      const { code, action } = error;
      if (options.tokenRefused !== undefined && isOfToken(code)) {
        outage.failed(
          { code, action },
          `The site could not join yet, and waits for a token: ${error.message}`,
        );
        await options.tokenRefused(error);
        continue;
      }
      if (!error.entry.retry) throw error;
      const delay = backoff.next();
      const about = { code, action, retryMs: delay };
      outage.failed(about, `The site could not start yet: ${error.message}`);
      await sleep(delay, signal);
    }
  }
  return null;
}
