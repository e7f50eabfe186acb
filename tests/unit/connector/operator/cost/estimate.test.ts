import { describe, expect, it } from "vitest";
import { AWAKE_S, type Bill, estimate } from "../../../../../connector/operator/cost/estimate.ts";
import { FOOTPRINTS } from "../../../../../connector/operator/cost/footprints.ts";
import { ITEM_NAMES, type ItemName } from "../../../../../connector/operator/cost/prices.ts";
import { DEFAULT_WORKLOAD } from "../../../../../connector/operator/cost/workload.ts";

const load = (changes: Partial<Parameters<typeof estimate>[0]>) => ({
  ...DEFAULT_WORKLOAD,
  sites: 10,
  ...changes,
});

function amountOf(bill: Bill, wanted: ItemName) {
  const found = bill.amounts.find(({ item }) => item === wanted);
  if (found === undefined) throw new Error(`no ${wanted}`);
  return found;
}

describe("estimate", () => {
  it("bills the awake objects of open pairs, as computed by hand", () => {
    // 45 pairs × 30 days × 86,400 s × 0.128 GB = 14,929,920 GB-s; less 400,000 at $12.50 a million = $181.62.
    const { documented } = estimate(load({ openPairs: 45 }));
    const duration = amountOf(documented, "duration");
    expect(duration.monthly).toBeGreaterThan(14_929_920);
    expect(duration.monthly).toBeLessThan(14_929_920 * 1.001);
    expect(duration.price).toBeCloseTo(181.62, 1);
    expect(documented.paid).toBeCloseTo(186.6, 1);
    expect(documented).toMatchObject({ free: false, nearest: { item: "duration" } });
  });

  it("lets the free plan keep one pair open, not two", () => {
    // One object all day: 11,059.2 of 13,000 GB-s.
    const one = estimate(load({ openPairs: 1 })).documented;
    expect(one.free).toBe(true);
    expect(one.nearest.share).toBeGreaterThan(11_059.2 / 13_000);
    expect(estimate(load({ openPairs: 2 })).documented.free).toBe(false);
  });

  it("counts the requests of calls, as computed by hand", () => {
    // 1,000 calls: a request to the Worker each; the directory twice, the registry once.
    const quiet = { reconnects: 0, tokens: 0 };
    const none = estimate(load({ ...quiet, calls: 0 })).documented;
    const some = estimate(load({ ...quiet, calls: 1000 })).documented;
    const more = (item: ItemName) => amountOf(some, item).daily - amountOf(none, item).daily;
    expect(more("workerRequests")).toBe(1000);
    expect(more("objectRequests")).toBeCloseTo(3000, 6);
    expect(more("workerCpu")).toBe(1000 * FOOTPRINTS.call.cpuMs);
    expect(more("duration")).toBeCloseTo(3000 * AWAKE_S * 0.128, 6);
  });

  it("counts twenty messages over uplinks as one request", () => {
    // Ten sites renew twice a day: 20 messages, and 20 uplinks with 4 requests and 3 messages each.
    const { documented } = estimate(load({ reconnects: 0, tokens: 0, calls: 0 }));
    expect(amountOf(documented, "objectRequests").daily).toBeCloseTo(20 * 4 + (20 + 20 * 3) / 20, 6);
    expect(amountOf(documented, "workerRequests").daily).toBe(20);
  });

  it("adds relayed messages, keep-alives and the time until hibernation to the dearest reading alone", () => {
    // 1,000 messages a second: 86.4 million a day, as 4.32 million requests; 10 × 4,320 keep-alives as 2,160.
    const { documented, dearest } = estimate(load({ openPairs: 1, messagesPerSecond: 1000 }));
    const more = amountOf(dearest, "objectRequests").daily - amountOf(documented, "objectRequests").daily;
    expect(more).toBeCloseTo(4_320_000 + 2160, 3);
    expect(amountOf(dearest, "duration").daily).toBeGreaterThan(amountOf(documented, "duration").daily);
    expect(dearest.nearest.item).toBe("objectRequests");
  });

  it("bills the object that counts traffic while there is some, as computed by hand", () => {
    // 30 days × 86,400 s × 0.128 GB = 331,776 GB-s; 50 sites report once a minute, 72,000 messages as 3,600 requests.
    const none = estimate(load({ sites: 50, openPairs: 2 })).documented;
    const some = estimate(load({ sites: 50, openPairs: 2, trafficSeconds: 86_400 })).documented;
    const more = (item: ItemName) => amountOf(some, item).monthly - amountOf(none, item).monthly;
    expect(more("duration")).toBeGreaterThan(331_776);
    expect(more("duration")).toBeLessThan(331_776 * 1.01);
    // Each site opens a connection a day and one more: four requests and a message each. The alarm comes each minute.
    expect(more("objectRequests")).toBeCloseTo(30 * (3600 + 1440 + 100 * (4 + 1 / 20)), 3);
    expect(more("rowsWritten")).toBe(30 * 1440 * 5);
    expect(some.paid - none.paid).toBeCloseTo(4.15, 1);
  });

  it("takes neither the registry nor the directory to be awake for more than a day in a day", () => {
    const { dearest } = estimate(load({ calls: 1_000_000_000 }));
    expect(amountOf(dearest, "duration").daily).toBeCloseTo(2 * 86_400 * 0.128, 6);
  });

  it("has every item, with a share of each limit of the free plan but that of CPU time", () => {
    const { documented } = estimate(load({}));
    expect(documented.amounts.map(({ item }) => item)).toEqual(ITEM_NAMES);
    const without = documented.amounts.filter(({ freeShare }) => freeShare === null);
    expect(without.map(({ item }) => item)).toEqual(["workerCpu"]);
    const shares = documented.amounts.flatMap(({ freeShare }) => freeShare ?? []);
    expect(documented.nearest.share).toBe(Math.max(...shares));
  });
});
