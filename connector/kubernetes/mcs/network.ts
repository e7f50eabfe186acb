/** The network, as the controller of the Multi-Cluster Services API uses it. */
import type { ClustersetSource } from "../../../protocol/dns/clusterset-zone.ts";
import type { VisibleService } from "../../../protocol/uplink/messages.ts";
import type { ManagedExposure } from "../../targets/managed-exposures.ts";

export interface McsNetwork {
  /** The services that other sites offer, as the registry said last. */
  services(): readonly VisibleService[];
  /** Whether the registry has named all services. Until then nothing follows from what is absent. */
  readonly isComplete: boolean;
  /** Replaces the services that the ServiceExports of this cluster offer. */
  setExposures(exposures: readonly ManagedExposure[]): void;
  /** Why a service of {@link setExposures} is not offered, in a sentence; null if nothing is against it. */
  refusal(service: string): string | null;
  /** Addresses of the connectors that accept clients; null while they are not known. */
  addresses(): readonly string[] | null;
  /** The connectors' port for a port of a service; null while no listener is for it. */
  listenerPort(service: string, port: number, transport: "tcp" | "udp"): number | null;
  /** Calls back when any of this has changed. */
  onChange(listener: () => void): void;
  /** Answers questions for `clusterset.local` from now on. */
  setNames(names: ClustersetSource): void;
  /** Call this when the names may lead elsewhere. */
  namesChanged(): void;
}
