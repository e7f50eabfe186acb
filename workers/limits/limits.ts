/**
 * Rate limits of public requests, per client address and isolate. They bound what a stranger can make the
 * edge compute; secrets do not depend on them (each has 256 bits), so it does no harm that a good one is answered where a wrong one is limited. They are wide enough for a fleet of sites
 * behind one address.
 */

import { FailureLimit } from "./failure-limit.ts";
import { TokenBuckets } from "./token-buckets.ts";

const CLIENTS = 10_000;

/** The limits of one isolate. */
export function createLimits() {
  return {
    redeem: new TokenBuckets({ burst: 1000, perSecond: 20, clients: CLIENTS }),
    /** Claims that are no token's: somebody guesses. Tokens that were good once do not count. */
    claims: new FailureLimit({
      failures: { burst: 60, perSecond: 0.5, clients: CLIENTS },
      attempts: { burst: 60, perSecond: 10, clients: CLIENTS },
    }),
    renew: new TokenBuckets({ burst: 1000, perSecond: 20, clients: CLIENTS }),
    /** Requests with a wrong API key or identity token. */
    keys: new FailureLimit({
      failures: { burst: 30, perSecond: 0.5, clients: CLIENTS },
      attempts: { burst: 60, perSecond: 10, clients: CLIENTS },
    }),
    /** Events about wrong keys, per client. */
    keyNotes: new TokenBuckets({ burst: 3, perSecond: 1 / 60, clients: CLIENTS }),
    /** The same, of all clients together. */
    allKeyNotes: new TokenBuckets({ burst: 20, perSecond: 0.1, clients: 1 }),
    /** Uplinks and lanes that proved nothing. */
    proofs: new FailureLimit({
      failures: { burst: 1000, perSecond: 50, clients: CLIENTS },
      attempts: { burst: 1000, perSecond: 50, clients: CLIENTS },
    }),
    /** Events about refused proofs, per network. */
    notes: new TokenBuckets({ burst: 20, perSecond: 0.2, clients: CLIENTS }),
  };
}
export type Limits = ReturnType<typeof createLimits>;
