import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../../../../../connector/kubernetes/api/failure.ts";
import { WorkQueue } from "../../../../../connector/kubernetes/cluster/work-queue.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const turn = () => vi.advanceTimersByTimeAsync(0);

/** A queue whose work the test ends. */
function stand(concurrency?: number) {
  const running = new Map<string, PromiseWithResolvers<void>>();
  const begun: string[] = [];
  const waits: number[] = [];
  const queue = new WorkQueue({
    work: (key) => {
      expect(running.has(key)).toBe(false);
      begun.push(key);
      const work = Promise.withResolvers<void>();
      running.set(key, work);
      return work.promise.finally(() => running.delete(key));
    },
    failed: (_, __, wait) => waits.push(wait),
    random: () => 0.5,
    ...(concurrency === undefined ? {} : { concurrency }),
  });
  const done = async (key: string) => {
    running.get(key)?.resolve();
    await turn();
  };
  const fails = async (key: string, error: Error = new Error("It failed.")) => {
    running.get(key)?.reject(error);
    await turn();
  };
  return { queue, begun, waits, done, fails };
}

describe("A work queue", () => {
  it("does the work of a key once for all that was added meanwhile", async () => {
    const { queue, begun, done } = stand();
    queue.add("a");
    queue.add("a");
    await turn();
    expect(begun).toEqual(["a"]);
    queue.add("a");
    queue.add("a");
    await turn();
    expect(begun).toEqual(["a"]);
    await done("a");
    expect(begun).toEqual(["a", "a"]);
    await done("a");
    expect(queue.isIdle).toBe(true);
  });

  it("does the work of several keys at a time, in their order", async () => {
    const { queue, begun, done } = stand(2);
    for (const key of ["a", "b", "c"]) queue.add(key);
    await turn();
    expect(begun).toEqual(["a", "b"]);
    await done("b");
    expect(begun).toEqual(["a", "b", "c"]);
  });

  it("tries a key again after waits that double, until its work is done", async () => {
    const { queue, begun, waits, done, fails } = stand();
    queue.add("a");
    await turn();
    await fails("a");
    await vi.advanceTimersByTimeAsync(249);
    expect(begun).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(begun).toHaveLength(2);
    await fails("a");
    await vi.advanceTimersByTimeAsync(500);
    await done("a");
    queue.add("a");
    await turn();
    await fails("a");
    expect(waits).toEqual([250, 500, 250]);
  });

  it("waits as long as the server says", async () => {
    const { queue, waits, fails } = stand();
    queue.add("a");
    await turn();
    await fails("a", new ApiError({ status: 429, message: "Later.", retryAfter: 7000 }));
    expect(waits).toEqual([7000]);
  });

  it("does not wait for a key that is added again, and lets others go on meanwhile", async () => {
    const { queue, begun, fails } = stand(1);
    queue.add("a");
    await turn();
    await fails("a");
    queue.add("b");
    await turn();
    expect(begun).toEqual(["a", "b"]);
    await fails("b");
    queue.add("a");
    await turn();
    expect(begun).toEqual(["a", "b", "a"]);
  });

  it("waits for what runs when it is stopped, and begins nothing more", async () => {
    const { queue, begun, done } = stand(1);
    queue.add("a");
    queue.add("b");
    await turn();
    let isStopped = false;
    const stopped = queue.stop().then(() => {
      isStopped = true;
    });
    await turn();
    expect(isStopped).toBe(false);
    await done("a");
    await stopped;
    queue.add("c");
    await turn();
    expect(begun).toEqual(["a"]);
    expect(queue.isIdle).toBe(true);
  });
});
