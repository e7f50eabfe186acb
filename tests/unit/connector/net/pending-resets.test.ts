import { describe, expect, it, vi } from "vitest";
import { PendingResets } from "../../../../connector/net/pending-resets.ts";

const entry = (bytes: number, reset = vi.fn()) => ({ bytes, progress: () => 0, reset });

describe("PendingResets", () => {
  it("resets a connection when its bytes make no progress, and waits while they do", async () => {
    const resets = new PendingResets({ stallMs: 20 });
    const stalled = vi.fn();
    const moving = vi.fn();
    let moved = 0;
    resets.add(entry(1, stalled));
    const over = resets.add({ bytes: 1, progress: () => moved++, reset: moving });
    await vi.waitFor(() => expect(stalled).toHaveBeenCalledOnce(), { timeout: 60_000 });
    expect(moving).not.toHaveBeenCalled();
    over?.();
    expect(resets.size).toBe(0);
  });

  it("limits count and bytes, and frees both when a connection ends", () => {
    const resets = new PendingResets({ count: 2, bytes: 100 });
    const first = resets.add(entry(60));
    expect(resets.add(entry(60))).toBeNull();
    expect(resets.add(entry(40))).not.toBeNull();
    expect(resets.add(entry(0))).toBeNull();
    first?.();
    first?.();
    expect(resets.add(entry(60))).not.toBeNull();
    expect(resets.add(entry(1))).toBeNull();
  });

  it("resets all connections when the process ends", () => {
    const resets = new PendingResets();
    const both = [entry(1), entry(1)];
    for (const each of both) resets.add(each);
    resets.resetAll();
    for (const { reset } of both) expect(reset).toHaveBeenCalledOnce();
  });
});
