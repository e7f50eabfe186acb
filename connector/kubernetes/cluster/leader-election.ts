/**
 * The decisions of an election by a Lease. Clocks of two machines differ, so no time in the Lease is compared with a
 * clock: a holder is gone when its Lease did not change for as long as it says, by the clock of who looks.
 */
import * as z from "zod";
import { MANAGED_BY_LABEL, MANAGER } from "./names.ts";

export interface ElectionTimes {
  /** Time for which a holder has the Lease after a renewal, s. */
  readonly leaseSeconds: number;
  /** Time after the begin of the last renewal at which the holder stops to write, ms. */
  readonly renewDeadline: number;
  /** Time between two attempts, ms. */
  readonly retryPeriod: number;
}

/** The times of the Leases of Kubernetes' own controllers, doubled for the Lease itself. */
export const ELECTION_TIMES: ElectionTimes = { leaseSeconds: 30, renewDeadline: 10_000, retryPeriod: 2000 };

/** A Lease as the server has it. */
export const Lease = z.looseObject({
  metadata: z.looseObject({
    resourceVersion: z.string(),
    labels: z.record(z.string(), z.string()).nullish(),
  }),
  spec: z
    .looseObject({
      holderIdentity: z.string().nullish(),
      leaseDurationSeconds: z.number().nullish(),
      acquireTime: z.string().nullish(),
      renewTime: z.string().nullish(),
      leaseTransitions: z.number().nullish(),
    })
    .nullish(),
});
export type Lease = z.infer<typeof Lease>;

/** What an elector saw last. */
export interface Sight {
  /** Null where there is no Lease. */
  readonly lease: Lease | null;
  /** When the elector first saw this holder with this renewal, by its own clock, ms. */
  readonly unchangedSince: number;
}

export type Decision =
  /** There is no Lease. */
  | "create"
  /** The Lease is free, or its holder is gone. */
  | "take"
  /** The elector holds it. */
  | "renew"
  /** Somebody else holds it. */
  | "wait"
  /** An object of this name is not one of Fairlead's, and is left alone. */
  | "foreign";

/**
 * @param now the elector's clock, which never goes back, ms
 * @param isLost whether a holder is known to be gone before its time ends
 */
export function decide(
  { lease, unchangedSince }: Sight,
  identity: string,
  now: number,
  isLost: (holder: string) => boolean = () => false,
): Decision {
  if (lease === null) return "create";
  const { holderIdentity, leaseDurationSeconds } = lease.spec ?? {};
  if (holderIdentity === identity) return "renew";
  if (lease.metadata.labels?.[MANAGED_BY_LABEL] !== MANAGER) return "foreign";
  if ((holderIdentity ?? "") === "" || isLost(holderIdentity ?? "")) return "take";
  const duration = (leaseDurationSeconds ?? ELECTION_TIMES.leaseSeconds) * 1000;
  return now >= unchangedSince + duration ? "take" : "wait";
}

/** What an elector knows after it saw a Lease, or that there is none. */
export function see(before: Sight | null, lease: Lease | null, now: number): Sight {
  const isUnchanged =
    before !== null &&
    before.lease?.spec?.holderIdentity === lease?.spec?.holderIdentity &&
    before.lease?.spec?.renewTime === lease?.spec?.renewTime;
  return { lease, unchangedSince: isUnchanged ? before.unchangedSince : now };
}

/** The `spec` with which an elector creates, takes or renews the Lease. @param time of the wall clock, as microTime has it */
export function heldSpec(lease: Lease | null, identity: string, time: string, leaseSeconds: number) {
  const { holderIdentity, acquireTime, leaseTransitions } = lease?.spec ?? {};
  const isHolder = holderIdentity === identity;
  return {
    holderIdentity: identity,
    leaseDurationSeconds: leaseSeconds,
    acquireTime: isHolder ? (acquireTime ?? time) : time,
    renewTime: time,
    leaseTransitions: lease === null ? 0 : (leaseTransitions ?? 0) + (isHolder ? 0 : 1),
  };
}

/** The `spec` of a Lease that its holder gives up: anybody can take it at once. */
export const releasedSpec = ({ spec }: Lease, time: string) => ({
  holderIdentity: "",
  leaseDurationSeconds: 1,
  acquireTime: time,
  renewTime: time,
  leaseTransitions: spec?.leaseTransitions ?? 0,
});
