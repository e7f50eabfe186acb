import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Context } from "../../../../../connector/cli/framework/context.ts";
import type { Io } from "../../../../../connector/cli/framework/io.ts";
import { Progress } from "../../../../../connector/cli/framework/progress.ts";
import { EdgeClient } from "../../../../../connector/net/edge-client.ts";
import { health } from "../../../../../connector/operator/edge-api.ts";
import { FakeEdge, KEY } from "../../../../support/edge/fake-edge.ts";

describe("Progress", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** Work that ends when it is told to. */
  function work() {
    const lines: string[] = [];
    const progress = new Progress((line) => lines.push(line));
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    return { lines, progress, resolve, reject, done: progress.during("Waiting for it.", () => promise) };
  }

  it("says what is waited for after a second", async () => {
    const { lines, resolve, done } = work();
    vi.advanceTimersByTime(999);
    expect(lines).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(lines).toEqual(["Waiting for it."]);
    vi.advanceTimersByTime(60_000);
    resolve("result");
    expect(await done).toBe("result");
    expect(lines).toHaveLength(1);
  });

  it("says nothing about work that ends or fails sooner", async () => {
    const [ended, failed] = [work(), work()];
    ended.resolve("result");
    failed.reject(new Error("no"));
    expect(await ended.done).toBe("result");
    await expect(failed.done).rejects.toThrow("no");
    vi.advanceTimersByTime(2000);
    expect([...ended.lines, ...failed.lines]).toEqual([]);
  });

  it("says the same once", () => {
    const { lines, progress } = work();
    const never = () => new Promise<void>(() => {});
    void progress.during("Waiting for it.", never);
    vi.advanceTimersByTime(1000);
    void progress.during("Waiting for it.", never);
    void progress.during("Waiting for another.", never);
    vi.advanceTimersByTime(1000);
    expect(lines).toEqual(["Waiting for it.", "Waiting for another."]);
  });

  it.each([
    { json: false, isTTY: true, written: "Waiting for it.\n" },
    { json: true, isTTY: true, written: "" },
    { json: false, isTTY: false, written: "" },
  ])("writes to the stderr of a command: %j", ({ json, isTTY, written }) => {
    let text = "";
    const write = (more: string) => {
      text += more;
    };
    const output = { write, isTTY, columns: isTTY ? 80 : undefined };
    const none = { write: () => {}, isTTY, columns: undefined };
    const io = { stdout: none, stderr: output, env: {} } satisfies Partial<Io>;
    void new Context({ ...unused, ...io }, json).progress.during(
      "Waiting for it.",
      () => new Promise<void>(() => {}),
    );
    vi.advanceTimersByTime(1000);
    expect(text).toBe(written);
  });
});

describe("EdgeClient", () => {
  let edge: FakeEdge;
  beforeAll(async () => {
    edge = await FakeEdge.start();
  });
  afterAll(() => edge.stop());

  it("says at each request that the edge is waited for", async () => {
    const lines: string[] = [];
    const client = new EdgeClient({
      ...{ url: edge.url, key: KEY, ca: edge.tls.ca },
      waiting: async (line, work) => {
        lines.push(line);
        return await work();
      },
    });
    await health(client).finally(() => client.close());
    expect(lines).toEqual([`Waiting for the edge at ${edge.url}.`]);
  });
});

/** What a progress does not use. */
const unused: Omit<Io, "stdout" | "stderr" | "env"> = {
  interactive: false,
  ask: () => Promise.reject(new Error("Nothing is asked.")),
  readInput: () => Promise.reject(new Error("Nothing is read.")),
  untilInterrupted: () => new AbortController().signal,
  onHangup: () => {},
  dropFailedOutput: () => {},
  now: () => 0,
};
