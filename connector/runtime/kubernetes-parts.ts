/**
 * The part of a connector that works in a Kubernetes cluster. Only a connector that was told of a cluster loads this
 * module, with all that it imports.
 */
import type { KubernetesConfig } from "../config/kubernetes-options.ts";
import type { ConnectorSignal } from "../kubernetes/controller.ts";
import type { KubernetesController } from "../kubernetes/kubernetes-controller.ts";
import { ManagedOffers } from "../kubernetes/managed-offers.ts";
import { openKubernetes } from "../kubernetes/open-kubernetes.ts";
import { partLog } from "../log-levels.ts";
import type { EdgeParts } from "./edge-parts.ts";
import type { ConnectorEvents } from "./events.ts";
import type { MachineParts } from "./machine-parts.ts";
import type { NetworkDns } from "./network-dns.ts";
import type { NetworkView } from "./network-view.ts";
import type { PartOptions } from "./options.ts";

export interface KubernetesPartsOptions
  extends Pick<MachineParts, "offers" | "listeners">,
    Pick<EdgeParts, "book">,
    Pick<NetworkView, "catalogue" | "refusedOffers"> {
  readonly events: ConnectorEvents;
  readonly dns: NetworkDns;
}

/** @throws FairleadError kubernetes.not_in_cluster, kubernetes.kubeconfig_invalid, file.unreadable */
export async function makeKubernetesParts(
  config: KubernetesConfig,
  { site, state, boot, environment, log }: PartOptions,
  { events, dns, offers, listeners, book, catalogue, refusedOffers }: KubernetesPartsOptions,
): Promise<KubernetesController> {
  const { id } = site.membership.site;
  return await openKubernetes({
    connector: {
      ...{ config, state, dns, offers, listeners, catalogue, refusedOffers },
      links: () => book.reports,
      managedOffers: new ManagedOffers(offers),
      onChange: (signal: ConnectorSignal, listener) => events.on(signal, () => listener()),
    },
    siteId: id,
    siteName: () => site.membership.site.name,
    ...{ boot, environment: environment ?? {}, log: partLog(log, "kubernetes") },
  });
}
