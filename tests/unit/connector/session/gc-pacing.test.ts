import { getHeapStatistics } from "node:v8";
import { describe, expect, it } from "vitest";
import { collectEvery, noteBytes } from "../../../../connector/session/gc-pacing.ts";

describe("collectEvery", () => {
  it("collects once when the count of bytes reaches the limit", () => {
    let collected = 0;
    const note = collectEvery(100, () => collected++);
    for (const bytes of [60, 39, 1, 250, 99, 1]) note(bytes);
    expect(collected).toBe(3);
  });
});

describe("noteBytes", () => {
  it("frees buffers that are no longer referenced", () => {
    const block = 64 * 1024;
    let most = 0;
    for (let n = 0; n < 4096; n++) {
      Buffer.allocUnsafeSlow(block);
      noteBytes(block);
      most = Math.max(most, getHeapStatistics().external_memory);
    }
    // 256 MiB passed through. Without collections in time, most of the buffers would still exist.
    expect(most).toBeLessThan(64 * 1024 * 1024);
  });
});
