import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { NoticeThrottle } from "../../../../../workers/registry/sockets/notice-throttle.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the notice throttle", () => {
  it("sends every notice of a site with few links at once", () => {
    const notices = new NoticeThrottle(Date.now);
    const send = vi.fn(() => 3);
    for (let round = 0; round < 5; round++) notices.schedule("west", send);
    expect(send).toHaveBeenCalledTimes(5);
  });

  it("combines the notices of a site with many links, the last one with the last state", () => {
    const notices = new NoticeThrottle(Date.now);
    const sent: number[] = [];
    for (let round = 0; round < 1000; round++) {
      notices.schedule("hub", () => {
        sent.push(round);
        return 1000;
      });
      vi.advanceTimersByTime(1);
    }
    vi.runAllTimers();
    expect(sent[0]).toBe(0);
    expect(sent.at(-1)).toBe(999);
    expect(sent.length).toBeLessThanOrEqual(4);
  });

  it("delays no other site, and no notice longer than half a second", () => {
    const notices = new NoticeThrottle(Date.now);
    const hub = vi.fn(() => 100_000);
    const west = vi.fn(() => 1);
    notices.schedule("hub", hub);
    notices.schedule("hub", hub);
    notices.schedule("west", west);
    expect([hub, west].map((send) => send.mock.calls.length)).toEqual([1, 1]);
    vi.advanceTimersByTime(500);
    expect(hub).toHaveBeenCalledTimes(2);
  });
});
