/** The controller of the Multi-Cluster Services API, joined with the connector's offers, listeners, catalogue and DNS. */
import type { ClustersetSource } from "../../protocol/dns/clusterset-zone.ts";
import { ERRORS, isErrorCode } from "../../protocol/errors.ts";
import type { VisibleService } from "../../protocol/uplink/messages.ts";
import type { ManagedExposure } from "../targets/managed-exposures.ts";
import type { ConnectorAccess } from "./cluster/cluster.ts";
import type { ConnectorSide, Controller, ControllerFactory } from "./controller.ts";
import { Clusterset } from "./mcs/clusterset.ts";
import { ExportMemory } from "./mcs/export-memory.ts";
import type { McsNetwork } from "./mcs/network.ts";
import { isExport } from "./mcs/own-export.ts";

export const multiClusterController: ControllerFactory = (cluster, connector, access) => {
  if (!connector.config.mcs) return OFF;
  const network = new ConnectorNetwork(connector, access);
  return new Clusterset(cluster, network, new ExportMemory(connector.state, cluster.log));
};

const OFF: Controller = { start: () => undefined, close: () => undefined };

class ConnectorNetwork implements McsNetwork {
  readonly #connector: ConnectorSide;
  readonly #access: ConnectorAccess;

  constructor(connector: ConnectorSide, access: ConnectorAccess) {
    this.#connector = connector;
    this.#access = access;
  }

  services(): readonly VisibleService[] {
    return this.#connector.catalogue.reachable();
  }

  get isComplete(): boolean {
    return this.#connector.catalogue.isWhole;
  }

  setExposures(exposures: readonly ManagedExposure[]): void {
    this.#connector.managedOffers.set("mcs", exposures);
  }

  refusal(service: string): string | null {
    const { offers, refusedOffers } = this.#connector;
    const leftOut = offers.leftOut.find(({ name, source }) => name === service && isExport(source));
    if (leftOut !== undefined) return leftOut.message;
    const refused = refusedOffers.list().find(({ name }) => name === service);
    if (refused === undefined) return null;
    const { code, message } = refused;
    return isErrorCode(code) ? `${message} ${ERRORS[code].action}` : message;
  }

  addresses(): readonly string[] | null {
    return this.#access.addresses();
  }

  listenerPort(...port: Parameters<McsNetwork["listenerPort"]>): number | null {
    return this.#access.portOf(...port);
  }

  onChange(listener: () => void): void {
    this.#access.onChange(listener);
    for (const signal of SIGNALS) this.#connector.onChange(signal, listener);
  }

  setNames(names: ClustersetSource): void {
    this.#connector.dns.setClusterset(names);
  }

  namesChanged(): void {
    this.#connector.dns.changed();
  }
}

const SIGNALS = ["catalogueChanged", "offersChanged", "refusedOffersChanged"] as const;
