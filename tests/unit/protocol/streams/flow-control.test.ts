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

/** Windows with a clock that the test turns. */
function session(initial = DEFAULT_WINDOW, budget?: number) {
  const clock = { now: 0 };
  const windows = new SessionWindow({
    initial,
    now: () => clock.now,
    ...(budget === undefined ? {} : { budget }),
  });
  return { clock, windows };
}

/** Lets a whole window come in, be consumed and be granted again, within `ms`; returns what was granted. */
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

describe("credit", () => {
  it("is conserved: what the sender may send is what the receiver granted, and with what is held it stays in the window", () => {
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
            // A reader that keeps up never leaves the sender without credit.
            if (window.held === 0) expect(credit.available).toBeGreaterThan(0);
          }
          window.consume(window.held);
          window.finished();
          expect(windows.used).toBe(0);
        },
      ),
    );
  });

  it("that is exceeded is session.credit", () => {
    const window = new ReceiveWindow(session(100).windows);
    window.receive(100);
    expect(() => window.receive(1)).toThrow(expect.objectContaining({ code: "session.credit" }));
  });

  it("beyond what can be counted is session.credit", () => {
    const credit = new SendCredit();
    credit.grant(MAX_CREDIT);
    expect(() => credit.grant(1)).toThrow(expect.objectContaining({ code: "session.credit" }));
  });

  it("cannot be misused by the program itself", () => {
    expect(() => new SendCredit().spend(1)).toThrow(RangeError);
    expect(() => new ReceiveWindow(session(10).windows).consume(1)).toThrow(RangeError);
  });
});

describe("a window", () => {
  it("doubles while it is consumed within two round trips, up to the largest", () => {
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

  it("stays when it is consumed more slowly", () => {
    const { clock, windows } = session();
    windows.noteRoundTrip(100);
    const window = new ReceiveWindow(windows);
    for (let at = 0; at < 20; at++) round(window, clock, 250);
    expect(window.size).toBe(DEFAULT_WINDOW);
    expect(windows.used).toBe(0);
  });

  it("falls back to the initial one when it has been idle, and gives the budget back as data comes in", () => {
    const { clock, windows } = session();
    windows.noteRoundTrip(100);
    const window = new ReceiveWindow(windows);
    for (let at = 0; at < 5; at++) round(window, clock, 100);
    expect(windows.used).toBe(MAX_WINDOW - DEFAULT_WINDOW);
    clock.now += IDLE_MS + 1;
    // The old credit is still there; it is used up, not granted again.
    expect(round(window, clock, IDLE_MS)).toBeLessThan(MAX_WINDOW / 4);
    expect(window.size).toBe(DEFAULT_WINDOW);
    round(window, clock, IDLE_MS / 2);
    expect(window.granted + window.held).toBeLessThanOrEqual(DEFAULT_WINDOW);
    expect(windows.used).toBe(0);
  });

  it("gives back what it had when its stream finishes or is reset", () => {
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
    // Whoever was just handed something may still say that it is consumed.
    expect(reset.consume(1000)).toBe(false);
    finished.consume(1_000_000);
    expect(windows.used).toBe(0);
  });

  it("never takes more than the session's budget together with the others, and large ones make room", () => {
    const { clock, windows } = session();
    windows.noteRoundTrip(100);
    const all = Array.from({ length: 40 }, () => new ReceiveWindow(windows));
    for (let at = 0; at < 12; at++) {
      for (const window of all) {
        round(window, clock, 100);
        expect(windows.used).toBeLessThanOrEqual(SESSION_WINDOW);
      }
    }
    // Everybody stalls with all that was granted: that is the most a session can hold.
    for (const window of all) window.receive(window.granted);
    const held = all.reduce((sum, window) => sum + window.held, 0);
    expect(held).toBeLessThanOrEqual(SESSION_WINDOW + all.length * DEFAULT_WINDOW);
    const sizes = all.map((window) => window.size);
    expect(Math.min(...sizes)).toBeGreaterThan(DEFAULT_WINDOW);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_WINDOW / 2);
  });
});

describe("over a path", () => {
  const MBIT = 1_000_000 / 8 / 1000;

  it.each([
    ["100 Mb/s and 200 ms", 100 * MBIT, 200, 20_000],
    ["10 Gb/s and 0.2 ms", 10_000 * MBIT, 0.2, 500],
    ["1 Gb/s and 20 ms", 1000 * MBIT, 20, 3000],
    ["10 Mb/s and 2 ms", 10 * MBIT, 2, 5000],
  ])("with %s it reaches nine tenths of the bandwidth, with a window that fits", (_, rate, rtt, ms) => {
    const path = new Path({ rate, rtt });
    path.run(ms / 2);
    const before = path.consumed;
    path.run(ms / 2);
    expect((path.consumed - before) / (ms / 2) / rate).toBeGreaterThan(0.9);
    const product = rate * Math.max(rtt, 4);
    expect(path.window.size).toBeLessThanOrEqual(Math.max(4 * product, 2 * DEFAULT_WINDOW));
  });

  it("with a slow reader it gets no larger, and the reader holds no more than it", () => {
    const path = new Path({ rate: 1000 * MBIT, rtt: 20, reader: 20 * MBIT });
    path.run(10_000);
    expect(path.consumed).toBeGreaterThan(0.95 * 10_000 * 20 * MBIT);
    expect(path.window.size).toBe(DEFAULT_WINDOW);
    expect(path.mostHeld).toBeLessThanOrEqual(DEFAULT_WINDOW);
  });

  it("with a reader that stalls it holds its window and no more, and goes on afterwards", () => {
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

  it("grows once at the most for a sender that has little to send, even if its writes end where a grant did", () => {
    const path = new Path({ rate: 1000 * MBIT, rtt: 20, sender: 1 * MBIT });
    path.run(120_000);
    expect(path.window.size).toBeLessThanOrEqual(2 * DEFAULT_WINDOW);
  });
});
