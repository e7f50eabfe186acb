import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Traffic, TrafficQuery } from "../../../../../protocol/api/traffic.ts";
import { addToHistogram, emptyHistogram, quantileOf } from "../../../../../protocol/telemetry/latency.ts";
import type { SeriesReport } from "../../../../../protocol/telemetry/series.ts";
import { Tally } from "../../../../../workers/telemetry/policy/tally.ts";
import { type CountedSeries, TrafficView } from "../../../../../workers/telemetry/policy/traffic-view.ts";
import { makeReport, SITES } from "../../../../support/traffic/series-report.ts";

const NOW = Date.UTC(2026, 10, 26, 12, 0, 5);
const NAMES = new Map<string, string>([
  [SITES.west, "west"],
  [SITES.east, "east"],
]);

const view = (query: object = {}, reporting: readonly string[] = []) =>
  new TrafficView(
    TrafficQuery.parse(query),
    {
      nameOf: (id) => NAMES.get(id) ?? null,
      countsTargets: (site, service) => reporting.includes(`${site} ${service}`),
    },
    NOW,
  );

/** A series of a site, with its values. */
function seriesOf(site: string, parts: Partial<SeriesReport>): [CountedSeries, Tally] {
  const report = makeReport(parts);
  return [{ site, key: report }, Tally.of(report)];
}

/** The groups of an answer that has these totals. */
function groupsOf(query: object, all: readonly [CountedSeries, Tally][], reporting: readonly string[] = []) {
  const made = view(query, reporting);
  for (const [series, total] of all) made.addTotal(series, total);
  const groups = made.groups();
  expect(Traffic.shape.groups.parse(groups)).toEqual(groups);
  return groups;
}

const LISTENER = seriesOf(SITES.west, { peer: SITES.east, process: "psql", opened: 3, bytesToTarget: 30 });
const TARGET = seriesOf(SITES.east, {
  side: "target",
  peer: SITES.west,
  target: "db:1",
  opened: 3,
  bytesToTarget: 30,
});
const DOOR = seriesOf(SITES.east, {
  side: "target",
  door: true,
  target: "db:1",
  opened: 1,
  bytesToTarget: 5,
});
const UNREACHED = seriesOf(SITES.west, { opened: 1, failed: 1 });
const REQUESTS = seriesOf(SITES.west, {
  ...{ peer: SITES.east, process: "psql", method: "GET", code: "5xx", opened: 9, closed: 9, failed: 2 },
  ...{ bytesToTarget: 25, latency: [[4, 9]] },
});
const ALL = [LISTENER, TARGET, DOOR, UNREACHED, REQUESTS];

const shown = (groups: ReturnType<typeof groupsOf>) =>
  groups.map(({ from, to, totals }) => [
    from?.name ?? null,
    to?.name ?? null,
    totals.opened,
    totals.bytesToTarget,
  ]);

describe("the answer to a query of traffic", () => {
  it("counts each stream once: at the listener, or at the target behind a door", () => {
    expect(shown(groupsOf({}, ALL))).toEqual([
      ["west", "east", 3, 30],
      [null, "east", 1, 5],
      ["west", null, 1, 0],
    ]);
  });

  it("takes requests apart from streams, whose bytes are those of the requests in them", () => {
    const [first] = groupsOf({}, ALL);
    expect(first?.totals).toMatchObject({
      opened: 3,
      requests: 9,
      requestsFailed: 2,
      bytesToTarget: 30,
      latency: [[4, 9]],
    });
    const byMethod = groupsOf({ by: "method,code" }, [LISTENER, REQUESTS]);
    expect(byMethod.map(({ method, code, totals }) => [method, code, totals.bytesToTarget])).toEqual([
      [null, null, 30],
      ["GET", "5xx", 25],
    ]);
  });

  it("takes the target's side by target, where the target's site counts it", () => {
    const reporting = [`${SITES.east} db`];
    const byTarget = groupsOf({ by: "target" }, ALL, reporting);
    expect(byTarget.map(({ from, target, totals }) => [from?.name ?? null, target, totals.opened])).toEqual([
      ["west", "db:1", 3],
      [null, "db:1", 1],
      ["west", null, 1],
    ]);
    expect(shown(groupsOf({ by: "target" }, [LISTENER])).map(([, , opened]) => opened)).toEqual([3]);
  });

  it("shows sites that the network does not know as unknown, however many a member makes up", () => {
    const made = Array.from({ length: 50 }, (_, at) =>
      seriesOf(SITES.west, { peer: `s${String(at).padStart(26, "0")}`, opened: 1 }),
    );
    expect(shown(groupsOf({}, made))).toEqual([["west", null, 50, 0]]);
  });

  it("filters by service and site, and refuses unknown labels", () => {
    expect(groupsOf({ service: "web" }, ALL)).toEqual([]);
    expect(shown(groupsOf({ site: "west" }, ALL))).toHaveLength(2);
    expect(shown(groupsOf({ site: SITES.east }, ALL))).toHaveLength(2);
    expect(() => view({ by: "nonsense" })).toThrow(/label "nonsense"/);
  });

  it("has a value for each step, and moves on with the time", () => {
    const made = view({ window: "15m" });
    made.addAt(LISTENER[0], NOW, LISTENER[1]);
    made.addAt(LISTENER[0], NOW - 900_000, LISTENER[1]);
    made.addAt(LISTENER[0], NOW - 60_000, LISTENER[1]);
    const at = () =>
      (made.groups()[0]?.points ?? []).flatMap((point, index) => (point === null ? [] : [index]));
    expect(at()).toEqual([83, 89]);
    expect(made.isPast(NOW + 4_999)).toBe(false);
    expect(made.isPast(NOW + 5_000)).toBe(true);
    made.advance(NOW + 20_000);
    expect(at()).toEqual([81, 87]);
    made.advance(NOW + 900_000_000);
    expect(at()).toEqual([]);
    expect(made.groups()[0]?.points).toHaveLength(90);
  });

  it("tells the groups that changed once, with the newest step alone", () => {
    const made = view();
    for (const [series, total] of ALL) made.addTotal(series, total);
    made.settle();
    expect(made.hasChanged).toBe(false);
    made.addAt(LISTENER[0], NOW, LISTENER[1]);
    expect(made.takeChanged()).toMatchObject([
      { from: { name: "west" }, points: [{ opened: 3, bytesToTarget: 30 }] },
    ]);
    expect(made.takeChanged()).toEqual([]);
  });
});

describe("a tally", () => {
  const histogram = fc
    .array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 1000 })), { maxLength: 40 })
    .map((pairs) => [...new Map(pairs)].sort(([left], [right]) => left - right));
  const values = fc.record({ bytesToTarget: fc.nat(), opened: fc.nat(), latency: histogram });

  it("adds histograms so that quantiles are those of all durations together", () => {
    fc.assert(
      fc.property(values, values, fc.double({ min: 0, max: 1, noNaN: true }), (left, right, q) => {
        const sum = Tally.of(makeReport(left));
        sum.add(Tally.of(makeReport(right)));
        const [together, apart] = [emptyHistogram(), emptyHistogram()];
        addToHistogram(together, sum.histogram());
        for (const { latency } of [left, right]) addToHistogram(apart, latency);
        expect(together).toEqual(apart);
        expect(quantileOf(together, q)).toBe(quantileOf(apart, q));
      }),
    );
  });

  it("is the sum of its parts, and survives storing", () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 6 }), (parts, count) => {
        const whole = Tally.of(makeReport(parts));
        const sum = new Tally();
        for (const share of whole.split(count)) sum.add(share);
        expect(sum.values()).toEqual(whole.values());
        expect(Tally.decode(whole.encode()).values()).toEqual(whole.values());
      }),
    );
  });
});
