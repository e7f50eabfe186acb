/** Metrics of a connector and of the edge, dashboard and alert rules with Debian's prometheus: `apt-get install prometheus`. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { createKey } from "../../connector/operator/edge-api.ts";
import { eventually } from "../support/clock/eventually.ts";
import { get } from "../support/edge/edge-client.ts";
import { freePort } from "../support/free-port.ts";
import type { Connector } from "../support/process/cluster.ts";
import { ROOT } from "../support/run/repository-files.ts";
import { useEdge } from "../support/run/suite.ts";
import { echo, exchange, serve } from "../support/traffic/servers.ts";

const suite = useEdge();
let west: Connector;
let metrics: string;
let prometheus: string;
/** Path of the metrics of the network at the edge. */
let path: string;
let key: string;

const promtool = (args: readonly string[], input?: string) =>
  spawnSync("promtool", args, {
    encoding: "utf8",
    cwd: join(ROOT, "docs/prometheus"),
    ...(input === undefined ? {} : { input }),
  });

const Answer = z.object({
  status: z.literal("success"),
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});

async function query(expression: string) {
  const url = `http://${prometheus}/api/v1/query?${new URLSearchParams({ query: expression })}`;
  return Answer.parse(await (await fetch(url)).json()).data.result;
}

beforeAll(async () => {
  const server = await serve(echo);
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  metrics = `127.0.0.1:${await freePort()}`;
  prometheus = `127.0.0.1:${await freePort()}`;
  [west] = await Promise.all([
    suite.cluster.connector({ site: "west", token, bind: "127.98.1.1", args: ["--metrics", metrics] }),
    suite.cluster.connector({ site: "east", token, bind: "127.98.1.2", expose: [`echo=${server.at}`] }),
  ]);
  await exchange(await west.listener("echo"), "hello");
  const folder = suite.cluster.fresh("prometheus");
  await mkdir(folder, { recursive: true });
  path = `/v1/networks/${network.name}/metrics`;
  const wanted = { name: "prometheus", role: "viewer" as const, networks: [network.name] };
  ({ key } = await createKey(suite.edge.client, wanted));
  await writeFile(join(folder, "key"), key, { mode: 0o600 });
  await writeFile(
    join(folder, "prometheus.yml"),
    `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ["${join(ROOT, "docs/prometheus/alerts.yaml")}"]
scrape_configs:
  - { job_name: fairlead-connectors, static_configs: [{ targets: ["${metrics}"] }] }
  - job_name: fairlead-edge
    scheme: https
    metrics_path: ${path}
    authorization: { credentials_file: key }
    tls_config: { ca_file: ${suite.edge.caFile} }
    static_configs: [{ targets: ["${new URL(suite.edge.localUrl).host}"] }]
  - job_name: fairlead-skupper
    params: { names: [skupper] }
    static_configs: [{ targets: ["${metrics}"] }]
`,
  );
  suite.cluster.spawn({
    ...{ name: "prometheus", command: "prometheus" },
    args: [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=${prometheus}`,
    ],
  });
});

describe("docs/prometheus", () => {
  it("passes promtool, with its tests", () => {
    expect(promtool(["check", "rules", "alerts.yaml"])).toMatchObject({ status: 0 });
    expect(promtool(["test", "rules", "alerts.test.yaml"])).toMatchObject({ status: 0 });
  });
});

describe("The metrics of a connector", () => {
  it("pass promtool, apart from the names of others", async () => {
    const text = await (await fetch(`http://${metrics}/metrics`)).text();
    const { status, stderr } = promtool(["check", "metrics"], text);
    expect(stderr.split("\n").filter((line) => line.startsWith("fairlead"))).toEqual([]);
    expect([0, 3]).toContain(status);
  });

  it("are scraped by Prometheus, with both kinds of names", async () => {
    await eventually("all are scraped", async () => {
      const up = await query('up{job=~"fairlead.*"} == 1').catch(() => []);
      return up.length === 3;
    });
    expect(await query("fairlead_uplink_up")).toMatchObject([{ value: [expect.any(Number), "1"] }]);
    expect(await query("fairlead_connector_info")).toMatchObject([{ metric: { site_name: "west" } }]);
    expect(await query("skupper_site_info")).toMatchObject([{ metric: { name: "west" } }]);
  });

  it("can be asked, with those of the edge, by every expression of the dashboard", async () => {
    const Dashboard = z.object({
      panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })).default([]) })),
    });
    const text = readFileSync(join(ROOT, "docs/grafana/fairlead.json"), "utf8");
    const { panels } = Dashboard.parse(JSON.parse(text));
    for (const { expr } of panels.flatMap(({ targets }) => targets)) {
      const filled = expr.replaceAll(/\$(job|service)/g, ".*").replaceAll(/\$__(rate_interval|range)/g, "1m");
      expect(Array.isArray(await query(filled))).toBe(true);
    }
  });
});

describe("The metrics of a network at the edge", () => {
  it("pass promtool, and are refused without a key", async () => {
    const { ca, localUrl } = suite.edge;
    expect((await get(`${localUrl}${path}`, { ca })).status).toBe(401);
    const { body } = await get(`${localUrl}${path}`, { ca, headers: { authorization: `Bearer ${key}` } });
    expect(body).toContain("fairlead_site_up");
    const { status, stderr } = promtool(["check", "metrics"], body);
    expect([status, stderr]).toEqual([0, ""]);
  });

  it("are scraped by Prometheus with a key, and count the same streams as the connector", async () => {
    await eventually("the edge is scraped", async () => (await query("fairlead_site_up == 1")).length === 2);
    const opened = 'sum by (job) (fairlead_connections_opened_total{routing_key="echo"})';
    const found = await eventually("both have the traffic", async () => {
      const both = await query(opened);
      return both.length === 2 ? both : null;
    });
    const counts = found.map(({ metric, value }) => [metric.job, value[1]]).sort();
    expect(counts).toEqual([
      ["fairlead-connectors", "1"],
      ["fairlead-edge", "1"],
    ]);
  });
});
