/** docs/observability.md, the dashboard and the alert rules name metrics that there are. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod";
import { LeveledLog } from "../../../connector/log.ts";
import {
  CONNECTOR_LOG_PARTS,
  EDGE_LOG_PARTS,
  parseConnectorLogLevels,
  partLog,
} from "../../../connector/log-levels.ts";
import { CONNECTOR_METRICS } from "../../../connector/monitoring/connector-metrics.ts";
import type { Metric } from "../../../protocol/metrics/metric.ts";
import { NETWORK_METRICS, SKUPPER_NETWORK_METRICS } from "../../../protocol/metrics/network-metrics.ts";
import { SKUPPER_TRAFFIC, TARGET_TRAFFIC, TRAFFIC } from "../../../protocol/metrics/traffic-metrics.ts";
import { MemoryLog } from "../../support/connector/memory-log.ts";
import { testRelay } from "../../support/connector/test-relay.ts";
import { ROOT } from "../../support/run/repository-files.ts";

const METRICS: readonly Metric[] = [TRAFFIC, TARGET_TRAFFIC, NETWORK_METRICS, CONNECTOR_METRICS].flatMap(
  (table) => Object.values<Metric>(table),
);
const SKUPPER: readonly Metric[] = [SKUPPER_TRAFFIC, SKUPPER_NETWORK_METRICS].flatMap((table) =>
  Object.values<Metric>(table),
);

const read = (path: string) => readFileSync(join(ROOT, "docs", path), "utf8");

/** Names of samples, with the labels that they may have. `up` is Prometheus's own. */
const SAMPLES = new Map<string, readonly string[]>(
  METRICS.flatMap(({ name, type, labels }): [string, readonly string[]][] =>
    type === "histogram"
      ? ["_bucket", "_sum", "_count"].map((end) => [`${name}${end}`, [...labels, "le"]])
      : [[name, labels]],
  ),
);

/** Labels that Prometheus adds to each sample, and those of the rules' own alerts. */
const ADDED = ["job", "instance", "__name__", "severity"];

/** The mistakes of an expression: metrics that there are not, and labels that none of its metrics has. */
function mistakesOf(expression: string): string[] {
  const names = [...expression.matchAll(/\b(?:fairlead|process|nodejs)_[a-z0-9_]+/g)].map(([name]) => name);
  const used = [
    ...[...expression.matchAll(/\b(?:by|without|on|ignoring) \(([^)]*)\)/g)].flatMap(([, list = ""]) =>
      list.split(","),
    ),
    ...[...expression.matchAll(/([a-z_]+)(?:=~|!~|!=|=)"/g)].map(([, label = ""]) => label),
  ].map((label) => label.trim());
  const known = new Set([...ADDED, ...names.flatMap((name) => SAMPLES.get(name) ?? [])]);
  return [
    ...names.filter((name) => !SAMPLES.has(name)),
    ...used.filter((label) => !known.has(label)).map((label) => `label ${label}`),
  ];
}

const Dashboard = z.object({
  panels: z.array(
    z.object({
      id: z.number(),
      title: z.string(),
      targets: z.array(z.object({ expr: z.string() })).default([]),
    }),
  ),
  templating: z.object({
    list: z.array(z.object({ query: z.union([z.string(), z.object({ query: z.string() })]) })),
  }),
});
const Rules = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
});

describe("docs/observability.md", () => {
  it.each([...METRICS, ...SKUPPER].map((metric) => [metric.name, metric] as const))(
    "describes %s",
    (_, metric) => {
      const row = `| \`${metric.name}\` | ${metric.type} | ${metric.help} |`;
      expect(read("observability.md").split("\n")).toContain(row);
    },
  );
});

describe("docs/observability.md, logs", () => {
  const section = read("observability.md").split("\n## Logs\n")[1] ?? "";

  it.each(Object.entries({ ...CONNECTOR_LOG_PARTS, ...EDGE_LOG_PARTS }))(
    "describe the part %s",
    (part, what) => {
      expect(section.split("\n")).toContain(`| \`${part}\` | ${what} |`);
    },
  );

  it("name no part that there is not", () => {
    const [, ...tables] = section.split("| part | what it logs |");
    const rows = tables.flatMap((table) => [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name));
    expect(rows).toEqual([...Object.keys(CONNECTOR_LOG_PARTS), ...Object.keys(EDGE_LOG_PARTS)]);
  });

  it("show levels that are accepted", () => {
    const [, levels = ""] = section.match(/--log-level (\S+)/) ?? [];
    expect(parseConnectorLogLevels(levels).parts).not.toEqual({});
  });

  it("show the line of a stream with the fields that it has", () => {
    const [, text = ""] = section.match(/```json\n([^`]*)```/) ?? [];
    const shown = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
    const log = new MemoryLog();
    const flow = testRelay(partLog(new LeveledLog(log, "debug"), "relay")).start({
      ...{ side: "listener", service: "db", client: "127.0.0.1:53412" },
      peer: { site: "site-east", siteName: "east", boot: "boot-east" },
      stream: { session: "session-test", id: 7 },
    });
    flow.end();
    const [line] = log.lines;
    expect(Object.keys(shown).sort()).toEqual(
      ["level", "time", "msg", ...Object.keys(line?.fields ?? {})].sort(),
    );
    expect(shown).toMatchObject({ level: line?.level, msg: line?.text, part: "relay", outcome: "completed" });
  });
});

describe("metrics", () => {
  it("have names and labels as Prometheus wants them, each once", () => {
    const all = [...METRICS, ...SKUPPER];
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    for (const { name, type, help, labels } of all) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      if (name.startsWith("fairlead")) expect(name.endsWith("_total")).toBe(type === "counter");
      expect(help).toMatch(/\.$/);
      for (const label of labels) expect(label).toMatch(/^[a-z][a-z0-9_]*$/);
    }
  });
});

describe("docs/grafana/fairlead.json", () => {
  const dashboard = Dashboard.parse(JSON.parse(read("grafana/fairlead.json")));

  it("asks for metrics and labels that there are", () => {
    const found = dashboard.panels.flatMap(({ title, targets }) =>
      targets.flatMap(({ expr }) => mistakesOf(expr).map((mistake) => `${title}: ${mistake}`)),
    );
    const variables = dashboard.templating.list.flatMap(({ query }) =>
      mistakesOf(typeof query === "string" ? "" : query.query.replace(/,\s*\w+\)$/, ")")),
    );
    expect([...found, ...variables]).toEqual([]);
  });

  it("has each panel once", () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("docs/prometheus/alerts.yaml", () => {
  const rules = Rules.parse(parse(read("prometheus/alerts.yaml"))).groups.flatMap((group) => group.rules);

  it("asks for metrics and labels that there are", () => {
    const found = rules.flatMap(({ alert, expr }) =>
      mistakesOf(expr).map((mistake) => `${alert}: ${mistake}`),
    );
    expect(rules.length).toBeGreaterThan(10);
    expect(found).toEqual([]);
  });
});
