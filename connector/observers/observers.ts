/** Makes the observers of client connections, for services whose connections are observed. */
import type { ServiceObservation } from "../config/service-observation.ts";
import type { Flow, TrafficObserver } from "../relay/flow.ts";
import type { RequestReports } from "../relay/request-report.ts";
import { ConnectionObserver } from "./connection-observer.ts";
import { PartialBytesBudget } from "./partial-bytes.ts";

export class Observers {
  readonly #reports: RequestReports;
  readonly #budget = new PartialBytesBudget();
  #settings: ReadonlyMap<string, boolean> = new Map();

  constructor(reports: RequestReports, services: readonly ServiceObservation[] = []) {
    this.#reports = reports;
    this.set(services);
  }

  /** Replaces the settings of services, for connections that begin from now on. */
  set(services: readonly ServiceObservation[]): void {
    this.#settings = new Map(services.map(({ name, isOn }) => [name, isOn]));
  }

  /** The observer of a client's connection. Null when the service is not observed, or nothing reads the reports. */
  of(flow: Flow): TrafficObserver | null {
    if (!this.#reports.areRead) return null;
    if (!(this.#settings.get(flow.service) ?? this.#reports.areObserved)) return null;
    return new ConnectionObserver(flow, this.#reports, this.#budget);
  }
}
