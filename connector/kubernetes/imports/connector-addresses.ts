/** The addresses at which the connectors of a site take connections. */
import { compareText } from "../../../protocol/compare-text.ts";
import type { OwnPod, PodObject } from "../cluster/cluster.ts";
import type { SliceAddress } from "./service-object.ts";

export interface ConnectorFacts {
  /** The connectors' pods; null until all are known. */
  readonly pods: Iterable<PodObject> | null;
  readonly self: OwnPod;
  /** Whether this connector is about to stop. */
  readonly isLeaving: boolean;
}

/**
 * The first address of each connector that is ready and stays; null if nothing can be said. A connector that is in no
 * pod knows of itself alone.
 */
export function connectorAddresses({ pods, self, isLeaving }: ConnectorFacts): SliceAddress[] | null {
  if (!self.inCluster) {
    if (self.address === null) return null;
    return isLeaving ? [] : [{ address: self.address }];
  }
  if (pods === null) return null;
  const staying = [...pods].filter(
    ({ meta, ready }) =>
      ready && meta.deletionTimestamp === undefined && !(isLeaving && meta.name === self.name),
  );
  return staying
    .flatMap(({ meta: { name, namespace, uid }, addresses: [address] }) =>
      address === undefined ? [] : [{ address, pod: { name, namespace, uid } }],
    )
    .sort((left, right) => compareText(left.address, right.address));
}
