import { closeSync, openSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  countDescriptors,
  descriptorLimit,
  parseLimit,
} from "../../../../connector/resources/descriptor-limit.ts";
import { DescriptorWatch } from "../../../../connector/resources/descriptor-watch.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";

/** A watch over descriptors that a test counts, by a clock that a test turns. */
function setUp({ limit = 256, open = 20 } = {}) {
  const system = { open, now: 0, counted: 0 };
  const log = new MemoryLog();
  const changes: boolean[] = [];
  const watch = new DescriptorWatch({
    limit,
    count: () => {
      system.counted++;
      return system.open;
    },
    now: () => system.now,
    onChange: () => changes.push(watch.use?.exhausted ?? false),
    log,
  });
  onTestFinished(() => watch.close());
  /** Takes as many as there are, opening each. */
  const takeAll = () => {
    let taken = 0;
    while (taken < 10_000 && watch.take()) {
      system.open++;
      taken++;
    }
    return taken;
  };
  return { watch, system, log, changes, takeAll };
}

describe("DescriptorWatch", () => {
  it("gives clients and targets all but a reserve, and lanes half of that", () => {
    const { watch, system, takeAll } = setUp();
    expect(takeAll()).toBe(256 - 32 - 20);
    expect(watch.takeForLane()).toBe(true);
    let lanes = 1;
    while (watch.takeForLane()) lanes++;
    expect(lanes).toBe(16);
    expect(system.open + lanes).toBe(256 - 16);
  });

  it("accounts for descriptors that other parts open and close", () => {
    const { watch, system, takeAll } = setUp({ open: 200 });
    expect(takeAll()).toBe(24);
    system.now += 1000;
    system.open = 100;
    expect(watch.take()).toBe(true);
    expect(watch.use?.used).toBe(101);
  });

  it("gives a released descriptor out at once", () => {
    const { watch, takeAll } = setUp();
    takeAll();
    expect(watch.take()).toBe(false);
    watch.release();
    expect(watch.take()).toBe(true);
    expect(watch.take()).toBe(false);
  });

  it("reads the system's count at most once a second under refusals, and not at all below half of the limit", () => {
    const near = setUp();
    near.takeAll();
    const before = near.system.counted;
    for (let refused = 0; refused < 1000; refused++) near.watch.take();
    expect(near.system.counted).toBe(before);
    const far = setUp({ limit: 100_000 });
    for (let at = 0; at < 1000; at++) {
      far.system.now += 1000;
      far.watch.take();
    }
    expect(far.system.counted).toBe(2);
  });

  it("logs that the limit is reached, a count each minute, and that descriptors are free again", () => {
    const { watch, system, log, changes, takeAll } = setUp();
    takeAll();
    for (let refused = 0; refused < 50; refused++) watch.take();
    expect(log.lines.map(({ level, fields }) => [level, fields.code])).toEqual([
      ["warn", "connector.descriptors"],
    ]);
    for (let second = 0; second < 61; second++) {
      system.now += 1000;
      watch.take();
      watch.review();
    }
    expect(log.lines.map(({ text }) => text).at(-1)).toMatch(/^Further connections refused: \d+\.$/);
    expect(log.lines).toHaveLength(2);
    system.now += 10_000;
    watch.review();
    expect(log.lines.at(-1)?.level).toBe("info");
    expect(changes).toEqual([true, false]);
    expect(watch.use).toMatchObject({ limit: 256, exhausted: false, refused: 1 + 50 + 61 });
  });

  it("asks to give up what is not in use before it refuses anything, ten times a second at most", () => {
    let now = 0;
    let asked = 0;
    const watch = new DescriptorWatch({
      ...{ limit: 256, count: () => 100, now: () => now, log: new MemoryLog() },
      onShortage: () => {
        asked++;
        for (let closed = 0; closed < 10; closed++) watch.release();
      },
    });
    while (asked === 0) expect(watch.take()).toBe(true);
    // 32 are the reserve, and as many are left ahead of it.
    expect(watch.use?.used).toBe(256 - 32 - 32 - 10 + 1);
    for (let more = 0; more < 41; more++) watch.take();
    expect(asked).toBe(1);
    now += 100;
    watch.take();
    expect(asked).toBe(2);
  });

  it("refuses nothing if descriptors are unlimited or cannot be counted", () => {
    for (const options of [
      { limit: null, count: () => 10_000_000 },
      { limit: 10, count: () => null },
    ]) {
      const watch = new DescriptorWatch({ ...options, log: new MemoryLog() });
      expect([watch.take(), watch.takeForLane(), watch.use]).toEqual([true, true, null]);
    }
  });
});

describe("descriptorLimit and countDescriptors", () => {
  it("read the limit from /proc", () => {
    expect(parseLimit("Max cpu time  unlimited\nMax open files            1024      4096      files\n")).toBe(
      1024,
    );
    expect(parseLimit("Max open files            unlimited            unlimited            files")).toBe(
      null,
    );
    expect(descriptorLimit()).toBeGreaterThan(100);
  });

  it("count the open descriptors", () => {
    const before = countDescriptors() ?? 0;
    const opened = Array.from({ length: 30 }, () => openSync(import.meta.filename, "r"));
    const after = countDescriptors() ?? 0;
    for (const descriptor of opened) closeSync(descriptor);
    expect(after - before).toBeGreaterThanOrEqual(20);
  });
});
