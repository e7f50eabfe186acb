/** How much a network may have. A quota below what is used already refuses only what is new. */
import { DEFAULT_QUOTAS, type Quotas, type QuotaUse, type SetQuotas } from "../../../protocol/api/quotas.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import type { Context } from "../context/context.ts";
import { changeOffers } from "./offers.ts";

/** What is refused with a code of its own; of events the oldest are dropped, uplinks are refused where they are opened. */
export type Limited = Exclude<keyof Quotas, "events" | "uplinks">;

/** How many there are. */
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

/** As many processes as the site that has the most. */
function mostUplinks({ uplinks }: Context): number {
  const bySite = Map.groupBy(uplinks.established(), ({ attachment }) => attachment.site);
  const counts = [...bySite.values()].map(
    (list) => new Set(list.map(({ attachment }) => attachment.boot)).size,
  );
  return Math.max(0, ...counts);
}

/** To be asked in the transaction that adds one. @throws FairleadError `quota.*` when there may be no more */
export function checkQuota(context: Context, what: Limited): void {
  const limit = context.quotas()[what];
  if (used(context, what) >= limit) {
    throw new FairleadError(`quota.${what}`, `The network may have ${limit} ${what}, and has as many.`);
  }
}

export function describeQuotas(context: Context): QuotaUse {
  const names = Object.keys(DEFAULT_QUOTAS) as (keyof Quotas)[];
  const counts = names.map((name) => [name, used(context, name)] as const);
  return { limits: context.quotas(), used: Object.fromEntries(counts) as QuotaUse["used"] };
}

/** Sets the quotas that are named. Offers that were refused for want of room are taken up where there is some now. */
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
