import { describe, expect, it } from "vitest";
import { Bucket } from "../../../../../workers/limits/bucket.ts";
import {
  BAN_MEMORY_MS,
  Budgets,
  CHARACTERS,
  MAX_WAIT_MS,
  MESSAGES,
  mayOpenUplink,
  nextBan,
  PACE,
  remainingBan,
  SiteBudget,
  WORK,
} from "../../../../../workers/registry/policy/budget.ts";

const NOW = 1_800_000_000_000;

describe("a token bucket", () => {
  it("gives its burst at once, and then refills at its rate", () => {
    const bucket = new Bucket({ burst: 3, perSecond: 2 });
    expect([1, 2, 3].map(() => bucket.take(1, NOW))).toEqual([0, 0, 0]);
    expect(bucket.take(1, NOW)).toBe(500);
    expect(bucket.wait(1, NOW)).toBe(1000);
    expect(bucket.wait(1, NOW + 1000)).toBe(0);
  });

  it("is full again after the time of its burst, and never exceeds the burst", () => {
    const bucket = new Bucket({ burst: 3, perSecond: 2 });
    bucket.take(3, NOW);
    expect(bucket.isFull(NOW + 1499)).toBe(false);
    expect(bucket.isFull(NOW + 1500)).toBe(true);
    expect(bucket.wait(4, NOW + 1_000_000)).toBe(500);
  });

  it("continues unchanged when the clock is set back", () => {
    const bucket = new Bucket({ burst: 3, perSecond: 2 });
    bucket.take(3, NOW);
    expect(bucket.wait(1, NOW - 3_600_000)).toBe(500);
    expect(bucket.wait(1, NOW - 3_600_000 + 500)).toBe(0);
  });
});

describe("the budget of a site", () => {
  it("accepts a burst of messages, delays a few more, and refuses a large excess", () => {
    const budget = new SiteBudget();
    const waits = Array.from({ length: MESSAGES.burst + 1000 }, () => budget.receive(10, NOW).wait);
    expect(waits.slice(0, MESSAGES.burst).every((wait) => wait === 0)).toBe(true);
    expect(waits[MESSAGES.burst]).toBe(1000 / MESSAGES.perSecond);
    expect(waits.filter((wait) => wait !== null).every((wait) => wait <= MAX_WAIT_MS)).toBe(true);
    expect(waits.at(-1)).toBeNull();
  });

  it("counts characters as well, whatever they contain", () => {
    const budget = new SiteBudget();
    const longest = 262_144;
    const waits = Array.from({ length: 100 }, () => budget.receive(longest, NOW).wait);
    expect(waits.findIndex((wait) => wait !== 0)).toBe(CHARACTERS.burst / longest);
    expect(waits.at(-1)).toBeNull();
  });

  it("asks for a pause once messages arrive too fast for other sockets to be read between them", () => {
    const budget = new SiteBudget();
    const pauses = Array.from({ length: PACE.burst + 2 }, () => budget.receive(10, NOW).pause);
    expect(pauses.indexOf(true)).toBe(PACE.burst);
    expect(budget.receive(10, NOW + 60_000).pause).toBe(false);
  });

  it("spends each kind of work separately, and charges nothing for a refusal", () => {
    const budget = new SiteBudget();
    for (let at = 0; at < WORK.status.burst; at++) expect(budget.spend("status", NOW)).toBe(0);
    for (let at = 0; at < 100; at++) expect(budget.spend("status", NOW)).toBe(1000 / WORK.status.perSecond);
    expect(budget.spend("session", NOW)).toBe(0);
    expect(budget.spend("status", NOW + 1000 / WORK.status.perSecond)).toBe(0);
  });

  it("is shared by the uplinks of one site only", () => {
    const budgets = new Budgets();
    expect(budgets.of("a", NOW)).toBe(budgets.of("a", NOW));
    expect(budgets.of("a", NOW)).not.toBe(budgets.of("b", NOW));
  });

  it("is kept in memory while it is not full, however many sites there are", () => {
    const budgets = new Budgets();
    const spent = budgets.of("spent", NOW);
    spent.spend("renewal", NOW);
    for (let at = 0; at < 5000; at++) budgets.of(`site ${at}`, NOW);
    expect(budgets.of("spent", NOW)).toBe(spent);
  });
});

describe("the ban of a site", () => {
  it("doubles from ten seconds to ten minutes with each ban in sequence", () => {
    let ban = nextBan(null, NOW);
    const lengths = [ban.until - NOW];
    for (let at = 0; at < 8; at++) {
      const began = ban.until;
      ban = nextBan(ban, began);
      lengths.push(ban.until - began);
    }
    expect(lengths).toEqual([10, 20, 40, 80, 160, 320, 600, 600, 600].map((seconds) => seconds * 1000));
  });

  it("starts again with the first duration an hour after the last ban ended", () => {
    const ban = nextBan(nextBan(null, NOW), NOW);
    expect(nextBan(ban, ban.until + BAN_MEMORY_MS).strikes).toBe(1);
  });

  it("never exceeds the longest duration, even if the clock is set back", () => {
    const ban = nextBan(null, NOW);
    expect(remainingBan(ban, NOW)).toBe(10_000);
    expect(remainingBan(ban, NOW + 10_000)).toBe(0);
    expect(remainingBan(ban, NOW - 86_400_000)).toBe(600_000);
    expect(remainingBan(null, NOW)).toBe(0);
  });
});

describe("another uplink of a site", () => {
  it("is allowed while the site has fewer connected processes than its limit", () => {
    expect(mayOpenUplink({ own: 0, others: 31, all: 31 }, 32)).toBe(true);
    expect(mayOpenUplink({ own: 0, others: 32, all: 32 }, 32)).toBe(false);
  });

  it("may replace an uplink of the same process, a limited number of times", () => {
    expect(mayOpenUplink({ own: 1, others: 31, all: 32 }, 32)).toBe(true);
    expect(mayOpenUplink({ own: 3, others: 0, all: 3 }, 32)).toBe(false);
  });

  it("is refused while too many closed sockets still exist", () => {
    expect(mayOpenUplink({ own: 0, others: 0, all: 96 }, 32)).toBe(false);
  });
});
