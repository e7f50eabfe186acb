import { describe, expect, it } from "vitest";
import { Backlog, MAX_BEHIND_MS, MAX_QUEUED, MAX_UNSENT } from "../../../../workers/live/backlog.ts";

describe("Backlog", () => {
  it("has a viewer keep up until more than the limit waits for it, and again once it has read", () => {
    const backlog = new Backlog();
    const queue = { bufferedAmount: MAX_QUEUED };
    expect(backlog.judge(queue, 0)).toBe("current");
    queue.bufferedAmount += 1;
    expect(backlog.judge(queue, 1)).toBe("behind");
    queue.bufferedAmount = 0;
    expect(backlog.judge(queue, 2)).toBe("current");
    queue.bufferedAmount = MAX_UNSENT;
    expect(backlog.judge(queue, MAX_BEHIND_MS + 2)).toBe("behind");
  });

  it("takes a viewer for stalled for which too much waits", () => {
    expect(new Backlog().judge({ bufferedAmount: MAX_UNSENT + 1 }, 0)).toBe("stalled");
  });

  it("takes a viewer for stalled that reads nothing for too long, and not one that reads slowly", () => {
    const backlog = new Backlog();
    const [slow, stuck] = [{ bufferedAmount: MAX_UNSENT }, { bufferedAmount: MAX_UNSENT }];
    for (let minute = 0; minute < 10; minute++) {
      expect(backlog.judge(slow, minute * MAX_BEHIND_MS)).toBe("behind");
      expect(backlog.judge(stuck, minute * MAX_BEHIND_MS)).toBe(minute === 0 ? "behind" : "stalled");
      slow.bufferedAmount -= 1;
    }
    expect(backlog.judge(slow, 10 * MAX_BEHIND_MS)).toBe("behind");
    expect(backlog.judge(slow, 11 * MAX_BEHIND_MS)).toBe("stalled");
  });
});
