/** The network as the registry reports it to a connector: the services of other sites, and what of its own is refused. */

import type { DoorWebSockets } from "../door/door-websockets.ts";
import { RefusedIngress } from "../door/refused-ingress.ts";
import { Catalogue } from "../listeners/catalogue.ts";
import { partLog } from "../log-levels.ts";
import { RefusedOffers } from "../targets/refused-offers.ts";
import { ServicePorts } from "../targets/service-ports.ts";
import type { TargetStreams } from "../targets/target-streams.ts";
import type { ConnectorEvents } from "./events.ts";
import type { PartOptions } from "./options.ts";

export interface NetworkView {
  readonly catalogue: Catalogue;
  readonly refusedOffers: RefusedOffers;
  readonly refusedIngress: RefusedIngress;
  readonly servicePorts: ServicePorts;
}

export function makeNetworkView(
  { log }: PartOptions,
  parts: {
    readonly events: ConnectorEvents;
    readonly targetStreams: TargetStreams;
    readonly webSockets: () => DoorWebSockets;
  },
): NetworkView {
  const { events, targetStreams, webSockets } = parts;
  const forbid = (services: readonly string[]): void => {
    targetStreams.forbid(services);
    webSockets().forbid(services);
  };
  return {
    catalogue: new Catalogue(() => events.emit("catalogueChanged"), partLog(log, "listeners")),
    refusedOffers: new RefusedOffers({
      ...{ log: partLog(log, "targets"), onForbidden: forbid },
      onChange: (services) => events.emit("refusedOffersChanged", services),
    }),
    refusedIngress: new RefusedIngress(partLog(log, "door")),
    servicePorts: new ServicePorts(partLog(log, "targets")),
  };
}
