/** The controller of the network's services in the cluster, joined with the connector's listeners. */
import type { OpenCluster } from "./cluster/open-cluster.ts";
import type { ConnectorSide } from "./controller.ts";
import { Imports } from "./imports/imports.ts";

/** Makes the controller. Others use it to lead clients to the connectors. */
export function importController(cluster: OpenCluster, connector: ConnectorSide): Imports {
  const { config, state, catalogue, listeners, offers, dns } = connector;
  const imports = new Imports({
    ...{ cluster, state, catalogue, listeners, range: config.ports },
    offered: () => offers.list().map(({ name }) => name),
    isApiAway: () => cluster.state.api.isUp === false,
    release: () => cluster.release(),
  });
  dns.setServiceAddresses((service) => imports.addressesOf(service));
  imports.onServiceChange(() => dns.changed());
  connector.onChange("catalogueChanged", () => imports.networkChanged());
  connector.onChange("offersChanged", () => imports.networkChanged());
  return imports;
}
