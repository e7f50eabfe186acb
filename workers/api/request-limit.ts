/** Rate limits of the API, applied to the client of a request. */
import type { Context } from "hono";
import { FairleadError } from "../../protocol/errors.ts";
import { clientOf } from "../limits/client.ts";
import type { ApiEnv } from "./context.ts";

/** Refuses a request that has to wait. @param wait ms; 0 for none @throws FairleadError request.limited */
export function refuseFor(c: Context<ApiEnv>, wait: number): void {
  if (wait === 0) return;
  c.set("retryAfter", Math.max(1, Math.ceil(wait / 1000)));
  throw new FairleadError("request.limited");
}

/** Counts a request against a limit. @throws FairleadError request.limited */
export function countRequest(c: Context<ApiEnv>, name: "redeem" | "renew"): void {
  refuseFor(c, c.var.limits[name].take(clientOf(c.req.raw), Date.now()));
}

/**
 * Runs an attempt with a credential within its client's limit of failed guesses.
 *
 * @param credential a hash of the credential; null for a password, which many clients may try
 * @param isGuess whether an error counts as a failed guess
 * @throws FairleadError request.limited; what `attempt` throws
 */
export async function limitFailures<T>(
  c: Context<ApiEnv>,
  name: "keys" | "claims" | "signIns",
  credential: string | null,
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
