/** What is served for monitoring: metrics, health and readiness of a connector. */
import {
  type MeasuredSeries,
  type MetricSite,
  skupperTrafficFamilies,
  trafficFamilies,
} from "../../protocol/metrics/traffic-families.ts";
import type { SeriesReport } from "../../protocol/telemetry/series.ts";
import type { ConnectorConfig } from "../config/connector-config.ts";
import type { Report } from "../control/report.ts";
import type { Log } from "../log.ts";
import { connectorFamilies, listenersOf, skupperConnectorFamilies } from "../monitoring/connector-metrics.ts";
import { type MetricNames, MonitorServer } from "../monitoring/monitor-server.ts";
import { ProcessMeter } from "../monitoring/process-usage.ts";
import { type ReadinessFacts, readinessOf } from "../monitoring/readiness.ts";
import type { Part } from "./part.ts";

export interface MonitoringOptions {
  readonly config: ConnectorConfig;
  readonly report: Report;
  /** The series that the connector counts. */
  readonly series: () => Iterable<SeriesReport>;
  /** The name of a site, by its id; null while it is unknown. */
  readonly siteName: (site: string) => string | null;
  /** What the connector lacks to take clients of its cluster; undefined outside of a cluster. */
  readonly notReady: () => ReadinessFacts["notReady"];
  readonly log: Log;
}

export class Monitoring implements Part {
  readonly #options: MonitoringOptions;
  readonly #meter = new ProcessMeter();
  readonly #server: MonitorServer;
  #isDraining = false;

  constructor(options: MonitoringOptions) {
    this.#options = options;
    const { config, log } = options;
    this.#server = new MonitorServer({
      address: config.metrics,
      families: (names) => this.#families(names),
      readiness: () => this.#readiness(),
      log,
      onChange: (isListening) => (isListening ? this.#meter.start() : this.#meter.stop()),
    });
  }

  start(): void {
    this.#server.start();
  }

  /** The server goes on, so that a load balancer sees that the connector takes no clients on. */
  drain(): void {
    this.#isDraining = true;
  }

  close(): void {
    this.#server.close();
  }

  configure({ metrics }: ConnectorConfig): void {
    this.#server.configure(metrics);
  }

  #families(names: MetricNames) {
    const status = this.#options.report.local();
    const measured = this.#measured(status.site);
    if (names === "skupper")
      return [...skupperConnectorFamilies({ status }), ...skupperTrafficFamilies(measured)];
    const state = { status, usage: this.#meter.read(), node: process.version };
    return [...connectorFamilies(state), ...trafficFamilies(measured)];
  }

  #measured(site: MetricSite): MeasuredSeries[] {
    const { series, siteName } = this.#options;
    return [...series()].map((each) => ({
      site,
      peer: each.peer === null ? null : { id: each.peer, name: siteName(each.peer) ?? each.peer },
      series: each,
    }));
  }

  #readiness() {
    const status = this.#options.report.local();
    return readinessOf({
      ...{ uplink: status.uplink, isDraining: this.#isDraining },
      ...{ listeners: listenersOf(status), notReady: this.#options.notReady() },
    });
  }
}
