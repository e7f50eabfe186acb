/** What every controller of a cluster is, and what it uses of the connector. */
import type { ClustersetSource } from "../../protocol/dns/clusterset-zone.ts";
import type { KubernetesConfig } from "../config/kubernetes-options.ts";
import type { Catalogue } from "../listeners/catalogue.ts";
import type { ListenerSet } from "../listeners/listener-set.ts";
import type { LinkReports } from "../site/link-book.ts";
import type { StateStore } from "../state/store.ts";
import type { Offers } from "../targets/offers.ts";
import type { RefusedOffers } from "../targets/refused-offers.ts";
import type { ConnectorAccess } from "./cluster/cluster.ts";
import type { OpenCluster } from "./cluster/open-cluster.ts";
import type { ManagedOffers } from "./managed-offers.ts";

/** Keeps one part of the cluster, or of the connector, as the other side has it. */
export interface Controller {
  /** Begins its work. The views of the cluster may not be synced yet, and the API server may be away. */
  start(): Promise<void> | void;
  /**
   * Resolves once the services that the cluster has are offered. The connector waits for that a few seconds before its
   * first hello. Undefined for a controller that offers nothing.
   */
  readonly begun?: Promise<void>;
  /** Has clients go elsewhere. The connector serves as before until this resolves. */
  drain?(): Promise<void> | void;
  /** Ends its work. What is in the cluster stays there. */
  close(): Promise<void> | void;
}

/** Changes of the connector that controllers hear of. */
export type ConnectorSignal =
  | "catalogueChanged"
  | "offersChanged"
  | "refusedOffersChanged"
  | "targetsChanged"
  | "listenersChanged"
  | "linksChanged";

/** The connector, as its controllers use it. */
export interface ConnectorSide {
  readonly config: KubernetesConfig;
  readonly state: StateStore;
  readonly offers: Offers;
  /** The services of controllers among {@link offers}. */
  readonly managedOffers: ManagedOffers;
  readonly refusedOffers: RefusedOffers;
  readonly catalogue: Catalogue;
  readonly listeners: ListenerSet;
  /** The links of the site, as the registry reports them. */
  readonly links: () => LinkReports;
  readonly dns: {
    /** Answers for the services that clusters export to each other, too. */
    setClusterset(source: ClustersetSource): void;
    /** Answers with the addresses that services have in the cluster; null for those of its listeners. */
    setServiceAddresses(addressesOf: (service: string) => readonly string[] | null): void;
    /** Call this when names may lead elsewhere. */
    changed(): void;
  };
  /** Calls back at each change. */
  onChange(signal: ConnectorSignal, listener: () => void): void;
}

/** Makes a controller. It does nothing before its start. */
export type ControllerFactory = (
  cluster: OpenCluster,
  connector: ConnectorSide,
  access: ConnectorAccess,
) => Controller;
