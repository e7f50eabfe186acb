import { getHeapStatistics } from "node:v8";
import { expect, it } from "vitest";
import { collectEvery, noteBytes } from "../../../../connector/session/gc-pacing.ts";

it("collects once for each so many bytes", () => {
  let collected = 0;
  const passed = collectEvery(100, () => collected++);
  for (const bytes of [60, 39, 1, 250, 99, 1]) passed(bytes);
  expect(collected).toBe(3);
});

it("frees buffers that nobody holds any more", () => {
  const block = 64 * 1024;
  let most = 0;
  for (let n = 0; n < 4096; n++) {
    Buffer.allocUnsafeSlow(block);
    noteBytes(block);
    most = Math.max(most, getHeapStatistics().external_memory);
  }
  // 256 MiB passed through; without collections in time most of them would be there at once.
  expect(most).toBeLessThan(64 * 1024 * 1024);
});
