/** Where the connectors of a site take connections. */
import { compareText } from "../../../protocol/compare-text.ts";
import { isLoopback } from "../../../protocol/dns/address.ts";
import type { OwnPod, PodObject } from "../cluster/cluster.ts";
import type { SliceAddress } from "./service-object.ts";

export interface ConnectorFacts {
  /** The connectors' pods; null until all are known. */
  readonly pods: Iterable<PodObject> | null;
  readonly self: OwnPod;
  /** Whether this connector was among the pods before. */
  readonly wasPod: boolean;
  /** Whether this connector is about to stop. */
  readonly isLeaving: boolean;
}

export interface ConnectorPlaces {
  /** Whether this connector is a pod that a selector of a Service finds; null until that is known. */
  readonly isPod: boolean | null;
  /** The first address of each connector that is ready and stays; null if nothing can be said. */
  readonly addresses: readonly SliceAddress[] | null;
}

/** Decides where the connectors are. One that is in no pod knows of itself and of pods, and not of others outside. */
export function connectorPlaces({ pods, self, wasPod, isLeaving }: ConnectorFacts): ConnectorPlaces {
  if (self.inCluster && pods === null) return { isPod: null, addresses: null };
  const known = [...(pods ?? [])];
  const isPod = self.inCluster && (wasPod || known.some(({ meta }) => meta.name === self.name));
  const ready = known.filter(
    ({ meta, ready: isReady }) =>
      isReady && meta.deletionTimestamp === undefined && !(isLeaving && meta.name === self.name),
  );
  const addresses = ready.flatMap(
    ({ meta: { name, namespace, uid }, addresses: [address] }): SliceAddress[] =>
      address === undefined ? [] : [{ address, pod: { name, namespace, uid } }],
  );
  if (!isPod) {
    // The next connector to lead puts its own address there. No slice takes an address that other machines do not reach.
    if (self.address === null || isLoopback(self.address) || isLeaving) return { isPod, addresses: null };
    addresses.push({ address: self.address });
  }
  return { isPod, addresses: addresses.sort((left, right) => compareText(left.address, right.address)) };
}
