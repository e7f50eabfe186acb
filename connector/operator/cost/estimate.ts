/** What a network costs on Cloudflare: amounts, shares of the free plan, and the price of the paid plan. */
import { CPU_MS, EVENT_BYTES, EVENT_NAMES, EVENTS, FOOTPRINTS, STORED } from "./footprints.ts";
import {
  BASE_PRICE,
  DAYS,
  HIBERNATES_AFTER_S,
  ITEM_NAMES,
  ITEMS,
  type ItemName,
  MESSAGES_PER_REQUEST,
  OBJECT_GB,
  priceOf,
} from "./prices.ts";
import { DAY_S, type Day, dayOf, pairsOf, type Workload } from "./workload.ts";

/** One item of the bill. */
export interface Amount {
  readonly item: ItemName;
  readonly title: string;
  readonly unit: string;
  /** In a day; of stored data, in all. */
  readonly daily: number;
  /** In a month; of stored data, in all. */
  readonly monthly: number;
  /** Share of the free plan's limit, 1 being all of it; null where the free plan has no such limit. */
  readonly freeShare: number | null;
  /** Price beyond what the paid plan includes, dollars a month. */
  readonly price: number;
}

/** All items, by one reading of the documentation. */
export interface Bill {
  readonly amounts: readonly Amount[];
  /** The free plan's limit that is reached first. */
  readonly nearest: { readonly item: ItemName; readonly share: number };
  /** Whether no limit of the free plan is passed. */
  readonly free: boolean;
  /** The paid plan, with its base price, dollars a month. */
  readonly paid: number;
}

export interface Estimate {
  readonly workload: Workload;
  readonly pairs: number;
  /** As the documentation reads. */
  readonly documented: Bill;
  /**
   * With everything billed that the documentation leaves open: messages that lanes relay, keep-alives, and the time from
   * an object's last event until it hibernates.
   */
  readonly dearest: Bill;
}

/** How long an object is taken to be awake for an event, s: ten times the CPU time of the slowest path. */
export const AWAKE_S = (10 * Math.max(...Object.values(CPU_MS))) / 1000;

/** Objects besides routers and the one that counts traffic: the registry and the directory. */
const OTHER_OBJECTS = 2;

export function estimate(workload: Workload): Estimate {
  const day = dayOf(workload);
  return {
    workload,
    pairs: pairsOf(workload.sites),
    documented: billOf(workload.sites, day, false),
    dearest: billOf(workload.sites, day, true),
  };
}

function billOf(sites: number, day: Day, dearest: boolean): Bill {
  const daily = dailyOf(sites, day, dearest);
  const amounts = ITEM_NAMES.map((item): Amount => {
    const { title, unit, free, ...rest } = ITEMS[item];
    const amount = daily[item];
    const monthly = "total" in rest ? amount : amount * DAYS;
    const freeShare = free === null ? null : amount / free;
    return { item, title, unit, daily: amount, monthly, freeShare, price: priceOf(item, monthly) };
  });
  const nearest = amounts
    .flatMap(({ item, freeShare }) => (freeShare === null ? [] : [{ item, share: freeShare }]))
    .reduce((first, other) => (other.share > first.share ? other : first));
  const paid = amounts.reduce((total, { price }) => total + price, BASE_PRICE);
  return { amounts, nearest, free: nearest.share <= 1, paid };
}

function dailyOf(sites: number, day: Day, dearest: boolean): Record<ItemName, number> {
  const total = (of: (footprint: (typeof FOOTPRINTS)[(typeof EVENT_NAMES)[number]]) => number) =>
    EVENT_NAMES.reduce((sum, name) => sum + day.events[name] * of(FOOTPRINTS[name]), 0);
  const objects = total(({ object }) => object);
  const messages = total((each) => each.messages);
  const open = dearest ? day.relayed + day.keepalives : 0;
  const lingering = dearest ? HIBERNATES_AFTER_S : 0;
  // What reaches the object that counts traffic finds it awake.
  const waking = objects + messages - day.events.report - day.events.storing;
  const awake = Math.min(OTHER_OBJECTS * DAY_S, waking * (AWAKE_S + lingering));
  // A router lingers once its lanes are closed.
  const routers = day.laneSeconds + (day.events.session + day.events.resumption) * lingering;
  const counting = day.countingSeconds + (day.countingSeconds > 0 ? lingering : 0);
  return {
    workerRequests: total(({ worker }) => worker),
    workerCpu: total(({ cpuMs }) => cpuMs),
    objectRequests: objects + (messages + open) / MESSAGES_PER_REQUEST,
    duration: (routers + counting + awake) * OBJECT_GB,
    rowsRead: total(({ rows }) => rows.read + rows.readPerSite * sites),
    rowsWritten: total(({ rows }) => rows.written),
    stored: (STORED.registry + STORED.perSite * sites + STORED.directory + EVENTS * EVENT_BYTES) / 1e9,
  };
}
