/** Counting a request against the limits of its client. */
import type { Context } from "hono";
import { FairleadError } from "../../protocol/errors.ts";
import { clientOf } from "../limits/client.ts";
import type { ApiEnv } from "./context.ts";

/** @throws FairleadError request.limited when there is something to wait for */
function refuseFor(c: Context<ApiEnv>, wait: number): void {
  if (wait === 0) return;
  c.set("retryAfter", Math.max(1, Math.ceil(wait / 1000)));
  throw new FairleadError("request.limited");
}

/** Counts a request. @throws FairleadError request.limited */
export function spend(c: Context<ApiEnv>, name: "redeem" | "renew"): void {
  refuseFor(c, c.var.limits[name].take(clientOf(c.req.raw), Date.now()));
}

/**
 * Tries a credential, within the limit of its client's failures.
 *
 * @param credential a hash of it
 * @param isGuess whether an error is one that somebody who guesses gets
 * @throws FairleadError request.limited; what `attempt` throws
 */
export async function tryWithin<T>(
  c: Context<ApiEnv>,
  name: "keys" | "claims",
  credential: string,
  attempt: () => Promise<T>,
  isGuess: (error: FairleadError) => boolean,
): Promise<T> {
  const limit = c.var.limits[name];
  const client = clientOf(c.req.raw);
  refuseFor(c, limit.admit(client, credential, Date.now()));
  try {
    const result = await attempt();
    limit.succeeded(credential, Date.now());
    return result;
  } catch (thrown) {
    if (thrown instanceof FairleadError && isGuess(thrown)) {
      refuseFor(c, limit.failed(client, credential, Date.now()));
    }
    throw thrown;
  }
}
