/**
 * The rate limits of public requests, by client address, in one isolate. They bound what an unproven client
 * can make the edge compute, and are wide enough for a fleet of sites behind one address. Secrets do not
 * depend on them: each has 256 bits, so a valid secret may be accepted while wrong ones are limited. Passwords of the
 * console do, and their object counts attempts as well.
 */

import { FailureLimit } from "./failure-limit.ts";
import { RequestsInProgress } from "./requests-in-progress.ts";
import { TokenBuckets } from "./token-buckets.ts";

const CLIENTS = 10_000;

/** Creates the limits of one isolate. */
export function createLimits() {
  return {
    redeem: new TokenBuckets({ burst: 1000, perSecond: 20, clients: CLIENTS }),
    /** Claims of unknown tokens: guesses. Claims of tokens that were valid once do not count. */
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
    /** Sign-ins at the console with a wrong password or link. Passwords can be guessed, so there are few attempts. */
    signIns: new FailureLimit({
      failures: { burst: 10, perSecond: 0.1, clients: CLIENTS },
      attempts: { burst: 1, perSecond: 0.1, clients: CLIENTS },
    }),
    /** Events about wrong keys, by client. */
    keyNotes: new TokenBuckets({ burst: 3, perSecond: 1 / 60, clients: CLIENTS }),
    /** Events about wrong keys, of all clients together. */
    allKeyNotes: new TokenBuckets({ burst: 20, perSecond: 0.1, clients: 1 }),
    /** Uplinks and lanes without a valid proof. */
    proofs: new FailureLimit({
      failures: { burst: 1000, perSecond: 50, clients: CLIENTS },
      attempts: { burst: 1000, perSecond: 50, clients: CLIENTS },
    }),
    /** Requests to doors that do not exist, or without a valid credential. */
    doors: new FailureLimit({
      failures: { burst: 60, perSecond: 0.5, clients: CLIENTS },
      attempts: { burst: 60, perSecond: 10, clients: CLIENTS },
    }),
    /** Queries of DNS over HTTPS, by key. */
    dns: new TokenBuckets({ burst: 100, perSecond: 25, clients: CLIENTS }),
    /** Queries of DNS over HTTPS that wait for the registry, by key. */
    dnsInProgress: new RequestsInProgress(32),
    /** Events about refused proofs, by network. */
    notes: new TokenBuckets({ burst: 20, perSecond: 0.2, clients: CLIENTS }),
  };
}
export type Limits = ReturnType<typeof createLimits>;
