/** Redeems the further tokens of a site that is already a member. Each creates a link. */
import { asFairleadError } from "../../protocol/errors.ts";
import type { TokenFile } from "../../protocol/tokens.ts";
import { sleep } from "../async/sleep.ts";
import type { Log } from "../log.ts";
import { Backoff } from "../net/backoff.ts";
import { OutageLog } from "../outage-log.ts";

export interface FurtherTokensOptions {
  /** Token files, in the order in which they are redeemed. */
  readonly sources: readonly string[];
  readonly read: (source: string) => Promise<TokenFile>;
  /** Whether this site has redeemed a token. */
  readonly redeemed: (token: TokenFile) => boolean;
  /** Redeems a token and brings its link up. */
  readonly redeem: (token: TokenFile) => Promise<unknown>;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly backoff?: { readonly base: number; readonly cap: number };
}

/**
 * Redeems the tokens that were not redeemed yet. A refusal is logged and does not affect the other tokens. A
 * transient failure is tried again after the others. Never throws.
 */
export async function redeemFurther(options: FurtherTokensOptions): Promise<void> {
  const { signal } = options;
  const backoff = new Backoff({ base: 1000, cap: 60_000, ...options.backoff, random: Math.random });
  const outages = new Map(options.sources.map((source) => [source, new OutageLog(options.log)]));
  let left = options.sources;
  while (left.length > 0 && !signal.aborted) {
    const again: string[] = [];
    for (const source of left) {
      if (signal.aborted) return;
      if ((await redeemOne(options, source, outages.get(source))) === "again") again.push(source);
    }
    left = again;
    if (left.length > 0) await sleep(backoff.next(), signal, { ref: false });
  }
}

async function redeemOne(
  options: FurtherTokensOptions,
  source: string,
  outage = new OutageLog(options.log),
): Promise<"done" | "again"> {
  const { read, redeemed, redeem, log } = options;
  try {
    const token = await read(source);
    if (redeemed(token)) log.debug({ token: source }, "The token was redeemed before. It was skipped.");
    else await redeem(token);
    outage.ended({ token: source }, (length) => `The token could be read and redeemed, after ${length}.`);
    return "done";
  } catch (thrown) {
    const error = asFairleadError(thrown, "edge.internal");
    const { action } = error;
    const { retry } = error.entry;
    outage.failed({ token: source, code: error.code, action }, `The token created no link: ${error.message}`);
    return retry ? "again" : "done";
  }
}
