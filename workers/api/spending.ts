/** Counting a request against the limits of its client. */
import type { Context } from "hono";
import { FairleadError } from "../../protocol/errors.ts";
import { clientOf } from "./client.ts";
import type { ApiEnv } from "./context.ts";
import type { Limits } from "./limits.ts";

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
