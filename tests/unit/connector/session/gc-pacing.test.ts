import { getHeapStatistics } from "node:v8";
import { describe, expect, it } from "vitest";
import { EVERY_BYTES, GcPacing } from "../../../../connector/session/gc-pacing.ts";

describe("GcPacing", () => {
  it("collects once when the count of bytes reaches the limit", () => {
    let collected = 0;
    const pacing = new GcPacing(() => () => collected++);
    pacing.start();
    for (const part of [0.6, 0.3, 0.125, 2.5, 0.99, 0.02]) pacing.note(part * EVERY_BYTES);
    expect(collected).toBe(3);
  });

  it("prepares once, at its start, and collects nothing before", () => {
    const done: string[] = [];
    const pacing = new GcPacing(() => {
      done.push("prepared");
      return () => done.push("collected");
    });
    pacing.note(EVERY_BYTES);
    expect(done).toEqual([]);
    pacing.start();
    pacing.start();
    pacing.note(EVERY_BYTES);
    expect(done).toEqual(["prepared", "collected"]);
  });

  it("frees buffers that are no longer referenced", () => {
    const pacing = new GcPacing();
    pacing.start();
    const block = 64 * 1024;
    // Other tests of this process may hold buffers.
    const before = getHeapStatistics().external_memory;
    let most = 0;
    for (let n = 0; n < 4096; n++) {
      Buffer.allocUnsafeSlow(block);
      pacing.note(block);
      most = Math.max(most, getHeapStatistics().external_memory - before);
    }
    // 256 MiB passed through. Without collections in time, most of the buffers would still exist.
    expect(most).toBeLessThan(64 * 1024 * 1024);
  });
});
