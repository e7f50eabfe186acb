/** The interface of a compared system: a path from clients to the measured servers. */
import type { Address } from "../../support/process/cluster.ts";

/**
 * The servers: `web` answers 1 KiB over HTTP, `iperf` is iperf3, `source` sends and `sink` receives bytes for the
 * bench's own clients, `hold` echoes and stays open, `postgres` is a database.
 */
export const SERVICES = ["web", "iperf", "source", "sink", "hold", "postgres"] as const;
export type ServiceId = (typeof SERVICES)[number];

export type Addresses = Readonly<Record<ServiceId, Address>>;

/** Names of systems. `other` is Fairlead of another checkout. */
export type SystemId = "direct" | "fairlead" | "other" | "hop" | "nginx" | "ssh";

/** A process whose CPU time counts, with its descendants. */
export interface Part {
  readonly name: string;
  readonly pid: number;
}

export interface System {
  readonly id: SystemId;
  readonly title: string;
  /** Addresses at which clients reach the servers. */
  readonly at: Addresses;
  readonly parts: readonly Part[];
  /** Starts an unused pair of connectors, if the system has them. It ends with {@link System}. */
  fresh?(): Promise<System>;
  close(): Promise<void>;
}

/** Makes a record with a value for each service. */
export async function forEachService<T>(
  make: (service: ServiceId) => Promise<T> | T,
): Promise<Record<ServiceId, T>> {
  const [web, iperf, source, sink, hold, postgres] = await Promise.all([
    make("web"),
    make("iperf"),
    make("source"),
    make("sink"),
    make("hold"),
    make("postgres"),
  ]);
  return { web, iperf, source, sink, hold, postgres };
}
