import { describe, expect, it } from "vitest";
import { freePort, stretchOf } from "../../support/free-port.ts";
import { MAX_WORKERS } from "../../support/run/max-workers.ts";

describe("freePort", () => {
  it("has a stretch of ports for each worker, which overlaps no other, below those of edges", () => {
    const stretches = Array.from({ length: MAX_WORKERS }, (_, at) => stretchOf(at + 1)).sort(
      ([left], [right]) => left - right,
    );
    for (const [at, [first]] of stretches.entries()) {
      expect(first).toBeGreaterThanOrEqual(stretches[at - 1]?.[1] ?? 10_000);
    }
    expect(stretches.at(-1)?.[1]).toBeLessThanOrEqual(20_000);
  });

  it("returns ports of the worker's stretch, another one each time", async () => {
    const [first, end] = stretchOf(Number(process.env.VITEST_POOL_ID));
    const ports = [await freePort(), await freePort(), await freePort()];
    expect(new Set(ports).size).toBe(3);
    for (const port of ports) expect([port >= first, port < end]).toEqual([true, true]);
  });
});
