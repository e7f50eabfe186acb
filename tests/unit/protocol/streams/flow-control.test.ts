import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IDLE_MS, ReceiveWindow, SendCredit } from "../../../../protocol/streams/flow-control.ts";
import { MAX_CREDIT } from "../../../../protocol/streams/frames.ts";
import {
  DEFAULT_WINDOW,
  MAX_WINDOW,
  SESSION_WINDOW,
  SessionWindow,
} from "../../../../protocol/streams/session-window.ts";
import { Path } from "./path.ts";

/** A session window with a clock that the test advances. */
function session(initial = DEFAULT_WINDOW, budget?: number) {
  const clock = { now: 0 };
  const windows = new SessionWindow({ initial, budget, now: () => clock.now });
  return { clock, windows };
}

/** Receives, consumes and grants again a whole window within `ms`. Returns the bytes granted. */
function round(window: ReceiveWindow, clock: { now: number }, ms: number): number {
  let granted = 0;
  const whole = window.size;
  for (let done = 0; done < whole; ) {
    const bytes = Math.min(window.granted, whole - done, 64 * 1024);
    window.receive(bytes);
    clock.now += (ms * bytes) / whole;
    if (window.consume(bytes)) granted += window.takeGrant();
    done += bytes;
  }
  return granted;
}

describe("SendCredit and ReceiveWindow", () => {
  it("agree on the credit, which never exceeds the window together with the unread bytes", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.nat({ max: 500_000 }),
        fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 50_000 }), fc.nat({ max: 30 })), { maxLength: 200 }),
        (initial, budget, steps) => {
          const { clock, windows } = session(initial, budget);
          const window = new ReceiveWindow(windows);
          const credit = new SendCredit();
          credit.grant(initial);
          let largest = initial;
          for (const [sends, amount, ms] of steps) {
            clock.now += ms;
            if (sends) {
              const bytes = Math.min(amount, credit.available);
              credit.spend(bytes);
              window.receive(bytes);
            } else if (window.consume(Math.min(amount, window.held))) {
              credit.grant(window.takeGrant());
            }
            largest = Math.max(largest, window.size);
            expect(credit.available).toBe(window.granted);
            expect(window.granted + window.held).toBeLessThanOrEqual(largest);
            expect(window.granted + window.held).toBeLessThanOrEqual(initial + windows.used);
            expect(windows.used).toBeLessThanOrEqual(budget);
            // A reader without unread bytes never leaves the sender without credit.
            if (window.held === 0) expect(credit.available).toBeGreaterThan(0);
          }
          window.consume(window.held);
          window.finished();
          expect(windows.used).toBe(0);
        },
      ),
    );
  });

  it("refuse bytes beyond the credit with session.credit", () => {
    const window = new ReceiveWindow(session(100).windows);
    window.receive(100);
    expect(() => window.receive(1)).toThrow(expect.objectContaining({ code: "session.credit" }));
  });

  it("refuse credit beyond the largest number with session.credit", () => {
    const credit = new SendCredit();
    credit.grant(MAX_CREDIT);
    expect(() => credit.grant(1)).toThrow(expect.objectContaining({ code: "session.credit" }));
  });

  it("throw a RangeError when their own side misuses them", () => {
    expect(() => new SendCredit().spend(1)).toThrow(RangeError);
    expect(() => new ReceiveWindow(session(10).windows).consume(1)).toThrow(RangeError);
  });
});

describe("ReceiveWindow", () => {
  it("doubles while it is consumed within two round trips, up to the largest window", () => {
    const { clock, windows } = session();
    windows.noteRoundTrip(100);
    const window = new ReceiveWindow(windows);
    const sizes = Array.from({ length: 7 }, () => {
      round(window, clock, 150);
      return window.size / DEFAULT_WINDOW;
    });
    expect(sizes).toEqual([2, 4, 8, 16, 32, 32, 32]);
    expect(window.size).toBe(MAX_WINDOW);
  });

  it("keeps its size when it is consumed more slowly", () => {
    const { clock, windows } = session();
    windows.noteRoundTrip(100);
    const window = new ReceiveWindow(windows);
    for (let at = 0; at < 20; at++) round(window, clock, 250);
    expect(window.size).toBe(DEFAULT_WINDOW);
    expect(windows.used).toBe(0);
  });

  it("falls back to the initial window when it was idle, and returns its budget as data arrives", () => {
    const { clock, windows } = session();
    windows.noteRoundTrip(100);
    const window = new ReceiveWindow(windows);
    for (let at = 0; at < 5; at++) round(window, clock, 100);
    expect(windows.used).toBe(MAX_WINDOW - DEFAULT_WINDOW);
    clock.now += IDLE_MS + 1;
    // The old credit remains until it is used up, and is not granted again.
    expect(round(window, clock, IDLE_MS)).toBeLessThan(MAX_WINDOW / 4);
    expect(window.size).toBe(DEFAULT_WINDOW);
    round(window, clock, IDLE_MS / 2);
    expect(window.granted + window.held).toBeLessThanOrEqual(DEFAULT_WINDOW);
    expect(windows.used).toBe(0);
  });

  it("returns its budget when its stream finishes or is reset", () => {
    const { clock, windows } = session();
    windows.noteRoundTrip(100);
    const [finished, reset] = [new ReceiveWindow(windows), new ReceiveWindow(windows)];
    for (const window of [finished, reset]) {
      for (let at = 0; at < 3; at++) round(window, clock, 100);
      window.receive(1_000_000);
    }
    finished.finished();
    reset.abandoned();
    expect(windows.used).toBe(1_000_000 - DEFAULT_WINDOW);
    // The user may still report bytes as consumed that it received before.
    expect(reset.consume(1000)).toBe(false);
    finished.consume(1_000_000);
    expect(windows.used).toBe(0);
  });

  it("stays within the session's budget together with the others, and shrinks when the budget is short", () => {
    const { clock, windows } = session();
    windows.noteRoundTrip(100);
    const all = Array.from({ length: 40 }, () => new ReceiveWindow(windows));
    for (let at = 0; at < 12; at++) {
      for (const window of all) {
        round(window, clock, 100);
        expect(windows.used).toBeLessThanOrEqual(SESSION_WINDOW);
      }
    }
    // Every reader stalls with all that was granted: a session can hold no more.
    for (const window of all) window.receive(window.granted);
    const held = all.reduce((sum, window) => sum + window.held, 0);
    expect(held).toBeLessThanOrEqual(SESSION_WINDOW + all.length * DEFAULT_WINDOW);
    const sizes = all.map((window) => window.size);
    expect(Math.min(...sizes)).toBeGreaterThan(DEFAULT_WINDOW);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_WINDOW / 2);
  });
});

describe("a stream over a simulated path", () => {
  const MBIT = 1_000_000 / 8 / 1000;

  it.each([
    ["100 Mb/s and 200 ms", 100 * MBIT, 200, 20_000],
    ["10 Gb/s and 0.2 ms", 10_000 * MBIT, 0.2, 500],
    ["1 Gb/s and 20 ms", 1000 * MBIT, 20, 3000],
    ["10 Mb/s and 2 ms", 10 * MBIT, 2, 5000],
  ])(
    "of %s reaches nine tenths of the bandwidth, with a window in proportion to the BDP",
    (_, rate, rtt, ms) => {
      const path = new Path({ rate, rtt });
      path.run(ms / 2);
      const before = path.consumed;
      path.run(ms / 2);
      expect((path.consumed - before) / (ms / 2) / rate).toBeGreaterThan(0.9);
      const product = rate * Math.max(rtt, 4);
      expect(path.window.size).toBeLessThanOrEqual(Math.max(4 * product, 2 * DEFAULT_WINDOW));
    },
  );

  it("keeps the initial window for a slow reader", () => {
    const path = new Path({ rate: 1000 * MBIT, rtt: 20, reader: 20 * MBIT });
    path.run(10_000);
    expect(path.consumed).toBeGreaterThan(0.95 * 10_000 * 20 * MBIT);
    expect(path.window.size).toBe(DEFAULT_WINDOW);
    expect(path.mostHeld).toBeLessThanOrEqual(DEFAULT_WINDOW);
  });

  it("buffers no more than its window for a reader that stalls, and continues afterwards", () => {
    const path = new Path({ rate: 1000 * MBIT, rtt: 20 });
    path.run(2000);
    path.reader = 0;
    path.run(60_000);
    expect(path.window.held).toBeLessThanOrEqual(MAX_WINDOW);
    expect(path.window.granted).toBe(0);
    const before = path.consumed;
    path.reader = Number.POSITIVE_INFINITY;
    path.run(5000);
    expect((path.consumed - before) / 5000).toBeGreaterThan(0.7 * 1000 * MBIT);
  });

  it("measures the round trip from its own grants", () => {
    const path = new Path({ rate: 100 * MBIT, rtt: 50 });
    path.run(3000);
    expect(path.windows.roundTrip).toBeGreaterThanOrEqual(50);
    expect(path.windows.roundTrip).toBeLessThan(60);
  });

  it("grows once at most for a sender with little to send, even if its writes end where a grant did", () => {
    const path = new Path({ rate: 1000 * MBIT, rtt: 20, sender: 1 * MBIT });
    path.run(120_000);
    expect(path.window.size).toBeLessThanOrEqual(2 * DEFAULT_WINDOW);
  });
});
