/** The memory budget: its accounts, and what happens to streams whose account is full. */
import { describe, expect, it } from "vitest";
import { FairleadError } from "../../../protocol/errors.ts";
import { LEAST_WINDOW, MemoryBudget, STREAM_COST } from "../../../protocol/memory-budget.ts";
import { End, settle, type User } from "./streams/multiplexer-pair.ts";

const MIB = 1024 * 1024;
const cancelled = () => new FairleadError("stream.cancelled");

describe("MemoryBudget", () => {
  it("gives each site a quarter, and equal shares once three quarters are full", () => {
    const budget = new MemoryBudget(100 * MIB);
    const sites = Array.from({ length: 10 }, (_, at) => budget.open(`s${at}`));
    expect(budget.share).toBe(25 * MIB);
    const [one, two, three, four] = sites;
    for (const account of [one, two, three]) account?.add(25 * MIB);
    expect(budget.share).toBe(10 * MIB);
    expect([one?.over, four?.over]).toEqual([true, false]);
    four?.add(6 * MIB);
    expect([four?.tight, four?.over]).toEqual([true, false]);
    one?.add(-24 * MIB);
    expect([one?.over, four?.tight]).toEqual([false, false]);
  });

  it("has one account for all sessions of a site, and drops it with the last session", () => {
    const budget = new MemoryBudget(100 * MIB);
    const [first, second] = [budget.open("s"), budget.open("s")];
    first.add(10);
    expect(second.used).toBe(10);
    budget.close("s");
    expect(budget.open("s").used).toBe(10);
    budget.close("s");
    budget.close("s");
    first.add(-10);
    expect(budget.used).toBe(0);
    expect(budget.open("s").used).toBe(0);
  });
});

describe("MemoryBudget, with the streams of a site that fills its account", () => {
  /**
   * A session between a site with a budget and a peer, which sends as much as it may on streams that nobody
   * reads.
   */
  function setUp(total: number, now?: () => number) {
    const budget = new MemoryBudget(total);
    const session = () => {
      const ours = new End("even", { memory: budget.open("peer"), now });
      const theirs = new End("odd");
      settle(ours, theirs);
      return { ours, theirs };
    };
    const send = ({ ours, theirs }: ReturnType<typeof session>, size: number): User => {
      const user = theirs.open();
      user.send(size);
      settle(ours, theirs);
      return user;
    };
    return { budget, session, send };
  }

  it("resets streams before the site holds much more than its share, whatever the peer sends", () => {
    const { budget, session, send } = setUp(4 * MIB);
    const sessions = [session(), session()];
    const users: User[] = [];
    for (let round = 0; round < 10; round++) {
      for (const each of sessions) users.push(send(each, 256 * 1024));
    }
    // Nothing is read: without a budget these are 5 MiB.
    expect(budget.used).toBeLessThan(1.25 * budget.share + 256 * 1024);
    expect(budget.used).toBeGreaterThan(budget.share / 2);
    expect(new Set(users.flatMap(({ error }) => error?.code ?? []))).toEqual(new Set(["stream.overloaded"]));
    for (const { ours, theirs } of sessions) expect([ours.over, theirs.over]).toEqual([null, null]);
    // After the streams were reset, the budget is empty.
    for (const { ours } of sessions) for (const { stream } of ours.users) stream?.reset(cancelled());
    for (const { ours, theirs } of sessions) settle(ours, theirs);
    expect(budget.used).toBe(0);
    const [first] = sessions;
    expect(first && send(first, 1000).error).toBe(null);
  });

  it("refuses new streams of both sides while the account is over", () => {
    const { budget, session, send } = setUp(4 * MIB);
    const each = session();
    const account = budget.open("peer");
    account.add(1 * MIB);
    expect(send(each, 1).error?.code).toBe("service.overloaded");
    expect(() => each.ours.open()).toThrow(expect.objectContaining({ code: "service.overloaded" }));
    account.add(-1 * MIB);
    expect(send(each, 1).error).toBe(null);
    expect(() => each.ours.open()).not.toThrow();
  });

  it("lets streams that are read continue with small windows, and with large ones later", () => {
    let now = 0;
    const { budget, session, send } = setUp(8 * MIB, () => now);
    const each = session();
    const { ours, theirs } = each;
    const stalled = Array.from({ length: 6 }, () => send(each, 200 * 1024));
    expect(budget.used).toBeGreaterThan(budget.share / 2);
    const bulk = send(each, 100);
    const reader = ours.users.at(-1);
    let received = 0;
    const read = () => {
      bulk.send(64 * 1024);
      settle(ours, theirs);
      const held = reader?.stream?.held ?? 0;
      received += held;
      reader?.consume(held);
      settle(ours, theirs);
      now += 1;
      return held;
    };
    for (let round = 0; round < 20; round++) read();
    const before = received;
    for (let round = 0; round < 50; round++) expect(read()).toBeLessThanOrEqual(LEAST_WINDOW);
    expect(received - before).toBeGreaterThanOrEqual(40 * LEAST_WINDOW);
    expect([bulk.error, ...stalled.map(({ error }) => error)]).toEqual(Array(7).fill(null));

    for (const user of ours.users) user.consume(user.stream?.held ?? 0);
    settle(ours, theirs);
    for (let round = 0; round < 20; round++) read();
    expect(read()).toBeGreaterThan(LEAST_WINDOW);
    expect(bulk.wrong + (reader?.wrong ?? 0)).toBe(0);
  });

  it("counts bytes that wait for credit, and bytes that are queued behind the stream", () => {
    const { budget, session, send } = setUp(16 * MIB);
    const each = session();
    send(each, 10);
    const [user] = each.ours.users;
    const before = budget.used;
    user?.send(1 * MIB);
    expect(budget.used - before).toBe(1 * MIB);
    settle(each.ours, each.theirs);
    expect(budget.used - before).toBe(1 * MIB - 256 * 1024);
    user?.stream?.noteQueued(5000);
    user?.stream?.noteQueued(3000);
    expect(budget.used - before).toBe(1 * MIB - 256 * 1024 + 3000);
    user?.stream?.noteQueued(0);
    user?.stream?.reset(cancelled());
    expect(budget.used).toBe(0);
  });

  it("counts a cost for each stream, even without bytes", () => {
    const { budget, session } = setUp(16 * MIB);
    const { ours, theirs } = session();
    for (let at = 0; at < 10; at++) theirs.open();
    settle(ours, theirs);
    expect(budget.used).toBe(10 * STREAM_COST);
    ours.multiplexer.lost(cancelled());
    expect(budget.used).toBe(0);
  });
});
