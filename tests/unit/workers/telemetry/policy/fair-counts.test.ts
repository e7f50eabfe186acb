import { describe, expect, it } from "vitest";
import { OTHER } from "../../../../../protocol/telemetry/series.ts";
import { fairCounts } from "../../../../../workers/telemetry/policy/fair-counts.ts";
import type { Series } from "../../../../../workers/telemetry/policy/ledger.ts";
import { formatPeriod } from "../../../../../workers/telemetry/policy/stored-form.ts";
import { Tally } from "../../../../../workers/telemetry/policy/tally.ts";
import type { Counts } from "../../../../../workers/telemetry/policy/windows.ts";
import { makeReport, SITES } from "../../../../support/traffic/series-report.ts";

/** Counts of a site: so many series with one opened stream each. */
function countsOf(site: string, length: number, labels: (at: number) => object): Counts {
  return new Map(
    Array.from({ length }, (_, at): [Series, Tally] => {
      const report = makeReport({ ...labels(at), opened: 1, closed: 1, bytesToTarget: at });
      return [{ site, key: report, total: new Tally() }, Tally.of(report)];
    }),
  );
}

const openedAt = (counts: Counts, site: string) =>
  [...counts].filter(([series]) => series.site === site).reduce((sum, [, { opened }]) => sum + opened, 0);

const bytesOf = (counts: Counts) => Buffer.byteLength(formatPeriod({ level: "minute", at: 0, counts }));

describe("fairCounts", () => {
  const honest = new Map([
    ...countsOf(SITES.east, 50, (at) => ({ process: `process-${at}` })),
    ...countsOf(SITES.north, 20, (at) => ({ service: `service-${at}` })),
  ]);

  it("keeps everything of sites within their shares, and counts a site beyond its own without processes", () => {
    const many = countsOf(SITES.west, 4000, (at) => ({ process: `${at}`.padEnd(200, "\u{1f600}") }));
    const fitting = fairCounts(new Map([...many, ...honest]), 100_000);
    expect([SITES.east, SITES.north, SITES.west].map((site) => openedAt(fitting, site))).toEqual([
      50, 20, 4000,
    ]);
    const ofWest = [...fitting.keys()].filter(({ site }) => site === SITES.west);
    expect(ofWest.map(({ key }) => key.process)).toEqual([OTHER]);
    expect(bytesOf(fitting)).toBeLessThanOrEqual(100_000);
  });

  it("leaves out what is too much of a site even then, the least traffic first", () => {
    const many = countsOf(SITES.west, 4000, (at) => ({ service: `${at}`.padEnd(63, "\u00e9") }));
    const fitting = fairCounts(new Map([...many, ...honest]), 100_000);
    expect([SITES.east, SITES.north].map((site) => openedAt(fitting, site))).toEqual([50, 20]);
    const ofWest = [...fitting].filter(([{ site }]) => site === SITES.west).map(([, by]) => by.bytesToTarget);
    expect(ofWest.length).toBeGreaterThan(100);
    expect(Math.min(...ofWest)).toBe(4000 - ofWest.length);
    expect(bytesOf(fitting)).toBeLessThanOrEqual(100_000);
  });
});
