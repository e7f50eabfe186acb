/**
 * Cloudflare's documented prices and limits: of Workers and of Durable Objects with SQLite storage, in US dollars.
 * Prices change: {@link READ_ON} says when the pages were read.
 */

/** The day on which the pages of {@link SOURCES} were read, ISO 8601. */
export const READ_ON = "2026-11-26";

export const SOURCES = {
  /** Requests and CPU time of Workers, and the base price of the paid plan. */
  workers: "https://developers.cloudflare.com/workers/platform/pricing/",
  /** Requests, duration and storage of Durable Objects. */
  objects: "https://developers.cloudflare.com/durable-objects/platform/pricing/",
  /** CPU time of one request on the free plan. */
  limits: "https://developers.cloudflare.com/workers/platform/limits/",
  /** What keeps an object awake. */
  lifecycle: "https://developers.cloudflare.com/durable-objects/concepts/durable-object-lifecycle/",
} as const;

/** Days of a billing period, as in Cloudflare's own examples. */
export const DAYS = 30;

/** What Workers Paid costs a month before any use, dollars. */
export const BASE_PRICE = 5;

/** CPU time that one invocation of the Worker may take on the free plan, ms. */
export const FREE_CPU_MS = 10;

/** Incoming WebSocket messages that are billed as one request to the object. */
export const MESSAGES_PER_REQUEST = 20;

/** What an awake object is billed for, GB: 128 MB, whatever it uses. */
export const OBJECT_GB = 0.128;

/** How long an object that could hibernate stays in memory, s. The documentation says that this time is not billed. */
export const HIBERNATES_AFTER_S = 10;

/** A thing that is billed or limited. */
export interface Item {
  readonly title: string;
  readonly unit: string;
  /** What the free plan allows: on each day, or in all where `total` is set. */
  readonly free: number | null;
  readonly total?: true;
  /** What the paid plan includes in a month; of stored data, the mean over the month. */
  readonly included: number;
  /** Price of each further {@link Item.per}, dollars. */
  readonly price: number;
  readonly per: number;
}

const MILLION = 1e6;

export const ITEMS = {
  workerRequests: {
    title: "Worker requests",
    unit: "requests",
    free: 100_000,
    included: 10 * MILLION,
    price: 0.3,
    per: MILLION,
  },
  workerCpu: {
    title: "Worker CPU time",
    unit: "ms",
    // The free plan limits each request (FREE_CPU_MS), not the day.
    free: null,
    included: 30 * MILLION,
    price: 0.02,
    per: MILLION,
  },
  objectRequests: {
    title: "Object requests",
    unit: "requests",
    free: 100_000,
    included: MILLION,
    price: 0.15,
    per: MILLION,
  },
  duration: {
    title: "Object duration",
    unit: "GB-s",
    free: 13_000,
    included: 400_000,
    price: 12.5,
    per: MILLION,
  },
  rowsRead: {
    title: "Rows read",
    unit: "rows",
    free: 5 * MILLION,
    included: 25_000 * MILLION,
    price: 0.001,
    per: MILLION,
  },
  rowsWritten: {
    title: "Rows written",
    unit: "rows",
    free: 100_000,
    included: 50 * MILLION,
    price: 1,
    per: MILLION,
  },
  stored: { title: "Stored data", unit: "GB", free: 5, total: true, included: 5, price: 0.2, per: 1 },
} as const satisfies Record<string, Item>;

export type ItemName = keyof typeof ITEMS;
export const ITEM_NAMES = Object.keys(ITEMS) as readonly ItemName[];

/** What a month's amount of an item costs beyond what the paid plan includes, dollars. */
export function priceOf(name: ItemName, monthly: number): number {
  const { included, price, per } = ITEMS[name];
  return (Math.max(0, monthly - included) / per) * price;
}
