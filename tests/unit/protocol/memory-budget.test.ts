/** What peers may make a process hold: the accounts, and what streams do when one is full. */
import { describe, expect, it } from "vitest";
import { FairleadError } from "../../../protocol/errors.ts";
import { LEAST_WINDOW, MemoryBudget, STREAM_COST } from "../../../protocol/memory-budget.ts";
import { End, settle, type User } from "./streams/multiplexer-pair.ts";

const MIB = 1024 * 1024;
const cancelled = () => new FairleadError("stream.cancelled");

describe("a budget of memory", () => {
  it("gives one site a quarter, and equal shares once three quarters are full", () => {
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

  it("has one account for all sessions of a site, and forgets it with the last", () => {
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

describe("the streams of a site that fills its memory", () => {
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

  it("end before it holds much more than its share, whatever the peer sends", () => {
    const { budget, session, send } = setUp(4 * MIB);
    const sessions = [session(), session()];
    const users: User[] = [];
    for (let round = 0; round < 10; round++) {
      for (const each of sessions) users.push(send(each, 256 * 1024));
    }
    // Nobody reads: on paper these are 5 MiB.
    expect(budget.used).toBeLessThan(1.25 * budget.share + 256 * 1024);
    expect(budget.used).toBeGreaterThan(budget.share / 2);
    expect(new Set(users.flatMap(({ error }) => error?.code ?? []))).toEqual(new Set(["stream.overloaded"]));
    for (const { ours, theirs } of sessions) expect([ours.over, theirs.over]).toEqual([null, null]);
    // Once they are gone, it is as before.
    for (const { ours } of sessions) for (const { stream } of ours.users) stream?.reset(cancelled());
    for (const { ours, theirs } of sessions) settle(ours, theirs);
    expect(budget.used).toBe(0);
    const [first] = sessions;
    expect(first && send(first, 1000).error).toBe(null);
  });

  it("are refused, each way, while it holds all that it may", () => {
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

  it("go on while they are read, with small windows, and get large ones again", () => {
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

  it("count what waits to be sent to a peer that gives no credit, and what is queued behind them", () => {
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

  it("cost something each, even when they say nothing", () => {
    const { budget, session } = setUp(16 * MIB);
    const { ours, theirs } = session();
    for (let at = 0; at < 10; at++) theirs.open();
    settle(ours, theirs);
    expect(budget.used).toBe(10 * STREAM_COST);
    ours.multiplexer.lost(cancelled());
    expect(budget.used).toBe(0);
  });
});
