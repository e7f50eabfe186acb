/** Makes the observers of client connections, for services whose connections are observed. */
import type { ServiceObservation } from "../config/service-observation.ts";
import type { Flow, TrafficObserver } from "../relay/flow.ts";
import type { RequestReports } from "../relay/request-report.ts";
import { ConnectionObserver } from "./connection-observer.ts";
import { PartialBytesBudget } from "./partial-bytes.ts";

export class Observers {
  readonly #reports: RequestReports;
  readonly #budget = new PartialBytesBudget();
  #off: ReadonlySet<string> = new Set();

  constructor(reports: RequestReports, services: readonly ServiceObservation[] = []) {
    this.#reports = reports;
    this.set(services);
  }

  /** Replaces the settings of services, for connections that begin from now on. */
  set(services: readonly ServiceObservation[]): void {
    const settings = new Map(services.map(({ name, isOn }) => [name, isOn]));
    this.#off = new Set([...settings].filter(([, isOn]) => !isOn).map(([name]) => name));
  }

  /** The observer of a client's connection. Null when the service is not observed, or nothing reads the reports. */
  of(flow: Flow): TrafficObserver | null {
    if (!this.#reports.areRead || this.#off.has(flow.service)) return null;
    return new ConnectionObserver(flow, this.#reports, this.#budget);
  }
}
