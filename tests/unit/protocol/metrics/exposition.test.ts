import { describe, expect, it } from "vitest";
import { exposition, formatOf } from "../../../../protocol/metrics/exposition.ts";
import type { Metric, MetricFamily } from "../../../../protocol/metrics/metric.ts";

const counter: Metric = { name: "a_requests_total", type: "counter", help: "Requests.", labels: ["path"] };
const histogram: Metric = { name: "a_wait_seconds", type: "histogram", help: "Waiting.", labels: ["path"] };

const hostile: MetricFamily = {
  metric: { ...counter, help: 'Says "a\\b"\nin two lines.' },
  samples: [{ labels: { path: 'quote " back \\ line\n end ‮ é' }, value: 3 }],
};

describe("exposition of metrics", () => {
  it("writes help, type and samples", () => {
    const samples = [
      { labels: { path: "/a" }, value: 1 },
      { labels: {}, value: 2.5 },
    ];
    expect(exposition([{ metric: counter, samples }])).toBe(
      [
        "# HELP a_requests_total Requests.",
        "# TYPE a_requests_total counter",
        'a_requests_total{path="/a"} 1',
        "a_requests_total 2.5",
        "",
      ].join("\n"),
    );
  });

  it("leaves out labels without a value, and families without samples", () => {
    const samples = [{ labels: { path: "", other: null, third: undefined }, value: 1 }];
    const text = exposition([
      { metric: histogram, samples: [] },
      { metric: counter, samples },
    ]);
    expect(text).not.toContain("wait");
    expect(text).toContain("\na_requests_total 1\n");
  });

  it("keeps every sample on one line, whatever a label contains", () => {
    const text = exposition([hostile]);
    expect(text.trimEnd().split("\n")).toHaveLength(3);
    expect(text).toContain('{path="quote \\" back \\\\ line\\n end ‮ é"} 3');
    expect(text).toContain('# HELP a_requests_total Says "a\\\\b"\\nin two lines.');
  });

  it("adds up the buckets of a histogram", () => {
    const value = { bounds: [0.001, 1], counts: [2, 0, 5], sum: 12.5 };
    expect(exposition([{ metric: histogram, samples: [{ labels: { path: "/a" }, value }] }])).toBe(
      [
        "# HELP a_wait_seconds Waiting.",
        "# TYPE a_wait_seconds histogram",
        'a_wait_seconds_bucket{path="/a",le="0.001"} 2',
        'a_wait_seconds_bucket{path="/a",le="1"} 2',
        'a_wait_seconds_bucket{path="/a",le="+Inf"} 7',
        'a_wait_seconds_sum{path="/a"} 12.5',
        'a_wait_seconds_count{path="/a"} 7',
        "",
      ].join("\n"),
    );
  });

  it("writes OpenMetrics with units, families without _total, float bounds and an end", () => {
    const value = { bounds: [1], counts: [0, 0], sum: 0 };
    const text = exposition(
      [hostile, { metric: histogram, samples: [{ labels: {}, value }] }],
      "openmetrics",
    );
    expect(text).toContain(
      '# HELP a_requests Says \\"a\\\\b\\"\\nin two lines.\n# TYPE a_requests counter\na_requests_total{',
    );
    expect(text).toContain('# UNIT a_wait_seconds seconds\na_wait_seconds_bucket{le="1.0"} 0\n');
    expect(text.endsWith("\n# EOF\n")).toBe(true);
  });

  it("writes numbers that are not finite as Prometheus reads them", () => {
    const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const samples = values.map((value, index) => ({ labels: { path: String(index) }, value }));
    expect(
      exposition([{ metric: counter, samples }])
        .match(/ \S+$/gm)
        ?.slice(-3),
    ).toEqual([" NaN", " +Inf", " -Inf"]);
  });
});

describe("formatOf", () => {
  it.each([
    [undefined, "text"],
    ["*/*", "text"],
    ["text/html, application/xhtml+xml", "text"],
    ["application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "openmetrics"],
    ["application/openmetrics-text;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.9", "text"],
    ["application/openmetrics-text;q=0", "text"],
  ])("finds the format that %s prefers: %s", (accept, format) => {
    expect(formatOf(accept)).toBe(format);
  });
});
