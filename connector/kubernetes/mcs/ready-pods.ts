/** The ready pods of a Service, by its EndpointSlices. */
import { compareText } from "../../../protocol/compare-text.ts";
import type { EndpointSliceObject, ServiceObject } from "../cluster/cluster.ts";

export interface ReadyPod {
  /** The pod's host name; its address with dashes for a pod without one, as the cluster's DNS has it. */
  readonly host: string;
  readonly address: string;
  /** Target ports by {@link portKey}. */
  readonly ports: ReadonlyMap<string, number>;
}

/** The name and protocol of a port, by which an EndpointSlice and its Service mean the same port. */
export const portKey = ({
  name,
  protocol,
}: {
  readonly name?: string | undefined;
  readonly protocol: string;
}): string => `${name ?? ""}/${protocol}`;

/** The host name of an endpoint in DNS. */
export const hostOf = (hostname: string | undefined, address: string): string =>
  hostname ?? address.replace(/[.:]+/g, "-");

/** Finds the ready pods, each once, in the order of their addresses. A pod with two addresses is taken by the Service's first family. */
export function readyPods(
  service: ServiceObject,
  slices: readonly EndpointSliceObject[],
): readonly ReadyPod[] {
  const [family = "IPv4", second] = service.ipFamilies;
  const found = new Map<string, ReadyPod>();
  for (const slice of slices) {
    if (slice.addressType === "FQDN" || (second !== undefined && slice.addressType !== family)) continue;
    const ports = new Map(
      slice.ports.flatMap((port) => (port.port === undefined ? [] : [[portKey(port), port.port] as const])),
    );
    for (const { addresses, ready, terminating, hostname } of slice.endpoints) {
      const [address] = addresses;
      if (address === undefined || !ready || terminating) continue;
      found.set(address, { host: hostOf(hostname, address), address, ports });
    }
  }
  return [...found.values()].sort((left, right) => compareText(left.address, right.address));
}
