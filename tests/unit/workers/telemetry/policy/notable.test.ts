import { describe, expect, it } from "vitest";
import type { SiteFlowRecord } from "../../../../../protocol/telemetry/flow-record.ts";
import {
  MAX_PER_MINUTE,
  MAX_PER_SITE,
  NotableRecords,
} from "../../../../../workers/telemetry/policy/notable.ts";
import { SITES } from "../../../../support/traffic/series-report.ts";

const record = (parts: Partial<SiteFlowRecord>): SiteFlowRecord => ({
  ...{ kind: "stream", state: "ended", at: 1, side: "listener", service: "db", protocol: "tcp", peer: null },
  ...{
    client: null,
    process: null,
    target: null,
    session: null,
    stream: null,
    bytesToTarget: 0,
    bytesToClient: 0,
  },
  ...{ ms: 1, firstByteMs: null, outcome: "completed", site: { site: SITES.west, name: "west" } },
  ...parts,
});

describe("notable records", () => {
  it("are errors first, then the slowest, by time", () => {
    const notable = new NotableRecords();
    const slow = Array.from({ length: 150 }, (_, at) =>
      record({ at: 1000 - at, ms: at, site: { site: SITES.east, name: "east" } }),
    );
    notable.add([...slow, record({ at: 5, outcome: "service.refused" }), record({ at: 2, status: 503 })]);
    const taken = notable.take();
    expect(taken.slice(0, 2).map(({ at }) => at)).toEqual([2, 5]);
    expect(taken).toHaveLength(MAX_PER_SITE + 2);
    expect(Math.min(...taken.slice(2).map(({ ms }) => ms))).toBe(50);
    expect(notable.take()).toEqual([]);
  });

  it("are bounded, and no site displaces those of all others", () => {
    const notable = new NotableRecords();
    notable.add([record({ ms: 0.1, site: { site: SITES.north, name: "north" } })]);
    for (let batch = 0; batch < 100; batch++) {
      notable.add(Array.from({ length: 20 }, () => record({ outcome: "made.up", ms: 1e9 })));
    }
    expect(notable.records.length).toBeLessThanOrEqual(2 * MAX_PER_MINUTE);
    const taken = notable.take();
    expect(taken).toHaveLength(MAX_PER_SITE + 1);
    expect(taken.some(({ site }) => site.name === "north")).toBe(true);
  });
});
