/**
 * Rate limits of public requests, per client address and isolate. They bound what a stranger can make the
 * edge compute; secrets do not depend on them (each has 256 bits). They are wide enough for a fleet of sites
 * behind one address.
 */
import type { Context } from "hono";
import { FairleadError } from "../../protocol/errors.ts";
import { TokenBuckets } from "./buckets.ts";
import { clientOf } from "./client.ts";
import type { ApiEnv } from "./context.ts";

const CLIENTS = 10_000;

/** The limits of one isolate. */
export function createLimits() {
  return {
    redeem: new TokenBuckets({ burst: 1000, perSecond: 20, clients: CLIENTS }),
    renew: new TokenBuckets({ burst: 1000, perSecond: 20, clients: CLIENTS }),
    /** Requests with a wrong API key. */
    keys: new TokenBuckets({ burst: 30, perSecond: 0.5, clients: CLIENTS }),
    /** Uplinks and lanes that proved nothing. */
    proofs: new TokenBuckets({ burst: 1000, perSecond: 50, clients: CLIENTS }),
    /** Events about refused proofs, per network. */
    notes: new TokenBuckets({ burst: 20, perSecond: 0.2, clients: CLIENTS }),
  };
}
export type Limits = ReturnType<typeof createLimits>;
type Name = keyof Limits;

function limited(c: Context<ApiEnv>, wait: number): FairleadError {
  c.set("retryAfter", Math.max(1, Math.ceil(wait / 1000)));
  return new FairleadError("request.limited");
}

/** Counts a request. @throws FairleadError request.limited */
export function spend(c: Context<ApiEnv>, name: Name): void {
  const wait = c.var.limits[name].take(clientOf(c.req.raw), Date.now());
  if (wait > 0) throw limited(c, wait);
}

/** Refuses a client whose failures used the limit up. @throws FairleadError request.limited */
export function waitIfSpent(c: Context<ApiEnv>, name: Name): void {
  const wait = c.var.limits[name].wait(clientOf(c.req.raw), Date.now());
  if (wait > 0) throw limited(c, wait);
}

/** Counts a failure. */
export function spendAfterFailure(c: Context<ApiEnv>, name: Name): void {
  c.var.limits[name].take(clientOf(c.req.raw), Date.now());
}
