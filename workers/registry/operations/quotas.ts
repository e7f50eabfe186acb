/** Quotas of a network. A quota below the present use refuses additions only. */
import { DEFAULT_QUOTAS, type Quotas, type QuotaUse, type SetQuotas } from "../../../protocol/api/quotas.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import type { Context } from "../context/context.ts";
import { changeOffers } from "./offers.ts";

/** Quotas with a refusal code. Events drop the oldest instead; uplinks are refused when they are opened. */
export type Limited = Exclude<keyof Quotas, "events" | "uplinks">;

/** The present use of a quota. */
function used(context: Context, what: keyof Quotas): number {
  const { store } = context;
  switch (what) {
    case "sites":
      return store.sites.count();
    case "services":
      return store.offers.countServices();
    case "tokens":
      return store.tokens.countGood(context.now());
    case "sessions":
      return store.sessions.count();
    case "events":
      return store.events.count();
    case "uplinks":
      return mostUplinks(context);
  }
}

/** The largest number of connected processes of any one site. */
function mostUplinks({ uplinks }: Context): number {
  const bySite = Map.groupBy(uplinks.established(), ({ attachment }) => attachment.site);
  const counts = [...bySite.values()].map(
    (list) => new Set(list.map(({ attachment }) => attachment.boot)).size,
  );
  return Math.max(0, ...counts);
}

/** Call this in the transaction that adds one. @throws FairleadError `quota.*` if the quota is reached */
export function checkQuota(context: Context, what: Limited): void {
  const limit = context.quotas()[what];
  if (used(context, what) >= limit) {
    throw new FairleadError(`quota.${what}`, `The network has reached its quota of ${limit} ${what}.`);
  }
}

export function describeQuotas(context: Context): QuotaUse {
  const names = Object.keys(DEFAULT_QUOTAS) as (keyof Quotas)[];
  const counts = names.map((name) => [name, used(context, name)] as const);
  return { limits: context.quotas(), used: Object.fromEntries(counts) as QuotaUse["used"] };
}

/** Sets the given quotas. Offers that were refused for lack of room are accepted if there is room now. */
export function setQuotas(context: Context, changes: SetQuotas, actor: string): QuotaUse {
  const { network, events } = context.store;
  const before = context.quotas();
  const named = Object.entries(changes).filter(([, value]) => value !== undefined);
  const changed = named.filter(([name, value]) => before[name as keyof Quotas] !== value);
  if (changed.length > 0) {
    changeOffers(context, { actor, owner: null, reason: "the quota of services was changed" }, () => {
      network.setQuotas({ ...network.quotas(), ...Object.fromEntries(named) });
      const list = changed.map(([name, value]) => `${name} ${before[name as keyof Quotas]} → ${value}`);
      context.event("network.quotas", `Quotas were changed: ${list.join(", ")}.`, { actor });
      events.prune();
    });
  }
  return describeQuotas(context);
}
