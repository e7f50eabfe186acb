import { describe, expect, it } from "vitest";
import {
  BAN_MEMORY_MS,
  Bucket,
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

describe("a bucket", () => {
  it("gives its burst at once, and then as fast as it fills", () => {
    const bucket = new Bucket({ burst: 3, perSecond: 2 });
    expect([1, 2, 3].map(() => bucket.take(1, NOW))).toEqual([0, 0, 0]);
    expect(bucket.take(1, NOW)).toBe(500);
    expect(bucket.wait(1, NOW)).toBe(1000);
    expect(bucket.wait(1, NOW + 1000)).toBe(0);
  });

  it("is full again after its burst's time, and holds no more than that", () => {
    const bucket = new Bucket({ burst: 3, perSecond: 2 });
    bucket.take(3, NOW);
    expect(bucket.isFull(NOW + 1499)).toBe(false);
    expect(bucket.isFull(NOW + 1500)).toBe(true);
    expect(bucket.wait(4, NOW + 1_000_000)).toBe(500);
  });

  it("goes on as before when the clock is set back", () => {
    const bucket = new Bucket({ burst: 3, perSecond: 2 });
    bucket.take(3, NOW);
    expect(bucket.wait(1, NOW - 3_600_000)).toBe(500);
    expect(bucket.wait(1, NOW - 3_600_000 + 500)).toBe(0);
  });
});

describe("a site's budget", () => {
  it("takes a burst of messages, lets a few more wait, and refuses what is far too much", () => {
    const budget = new SiteBudget();
    const waits = Array.from({ length: MESSAGES.burst + 1000 }, () => budget.receive(10, NOW).wait);
    expect(waits.slice(0, MESSAGES.burst).every((wait) => wait === 0)).toBe(true);
    expect(waits[MESSAGES.burst]).toBe(1000 / MESSAGES.perSecond);
    expect(waits.filter((wait) => wait !== null).every((wait) => wait <= MAX_WAIT_MS)).toBe(true);
    expect(waits.at(-1)).toBeNull();
  });

  it("counts characters as well, whatever is in them", () => {
    const budget = new SiteBudget();
    const longest = 262_144;
    const waits = Array.from({ length: 100 }, () => budget.receive(longest, NOW).wait);
    expect(waits.findIndex((wait) => wait !== 0)).toBe(CHARACTERS.burst / longest);
    expect(waits.at(-1)).toBeNull();
  });

  it("asks for a pause once messages come faster than others could be heard between them", () => {
    const budget = new SiteBudget();
    const pauses = Array.from({ length: PACE.burst + 2 }, () => budget.receive(10, NOW).pause);
    expect(pauses.indexOf(true)).toBe(PACE.burst);
    expect(budget.receive(10, NOW + 60_000).pause).toBe(false);
  });

  it("is spent for each kind of work by itself, and a refusal costs nothing", () => {
    const budget = new SiteBudget();
    for (let at = 0; at < WORK.status.burst; at++) expect(budget.spend("status", NOW)).toBe(0);
    for (let at = 0; at < 100; at++) expect(budget.spend("status", NOW)).toBe(1000 / WORK.status.perSecond);
    expect(budget.spend("session", NOW)).toBe(0);
    expect(budget.spend("status", NOW + 1000 / WORK.status.perSecond)).toBe(0);
  });

  it("is shared by the uplinks of the site, and by nobody else", () => {
    const budgets = new Budgets();
    expect(budgets.of("a", NOW)).toBe(budgets.of("a", NOW));
    expect(budgets.of("a", NOW)).not.toBe(budgets.of("b", NOW));
  });

  it("is kept, however many sites there are, while it is not full", () => {
    const budgets = new Budgets();
    const spent = budgets.of("spent", NOW);
    spent.spend("renewal", NOW);
    for (let at = 0; at < 5000; at++) budgets.of(`site ${at}`, NOW);
    expect(budgets.of("spent", NOW)).toBe(spent);
  });
});

describe("a ban", () => {
  it("doubles from ten seconds to ten minutes while one follows the other", () => {
    let ban = nextBan(null, NOW);
    const lengths = [ban.until - NOW];
    for (let at = 0; at < 8; at++) {
      const began = ban.until;
      ban = nextBan(ban, began);
      lengths.push(ban.until - began);
    }
    expect(lengths).toEqual([10, 20, 40, 80, 160, 320, 600, 600, 600].map((seconds) => seconds * 1000));
  });

  it("is the first again an hour after the last one ended", () => {
    const ban = nextBan(nextBan(null, NOW), NOW);
    expect(nextBan(ban, ban.until + BAN_MEMORY_MS).strikes).toBe(1);
  });

  it("lasts no longer than the longest, even if the clock is set back", () => {
    const ban = nextBan(null, NOW);
    expect(remainingBan(ban, NOW)).toBe(10_000);
    expect(remainingBan(ban, NOW + 10_000)).toBe(0);
    expect(remainingBan(ban, NOW - 86_400_000)).toBe(600_000);
    expect(remainingBan(null, NOW)).toBe(0);
  });
});

describe("one more uplink", () => {
  it("may be opened while the site has fewer processes than it may have", () => {
    expect(mayOpenUplink({ own: 0, others: 31, all: 31 }, 32)).toBe(true);
    expect(mayOpenUplink({ own: 0, others: 32, all: 32 }, 32)).toBe(false);
  });

  it("may be opened in the place of another of its process, but not any number of times", () => {
    expect(mayOpenUplink({ own: 1, others: 31, all: 32 }, 32)).toBe(true);
    expect(mayOpenUplink({ own: 3, others: 0, all: 3 }, 32)).toBe(false);
  });

  it("may not be opened while too many closed ones are still there", () => {
    expect(mayOpenUplink({ own: 0, others: 0, all: 96 }, 32)).toBe(false);
  });
});
