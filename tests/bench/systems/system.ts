/** What is compared: a way from a client to the servers that are measured. */
import type { Address } from "../../support/process/cluster.ts";

/**
 * The servers: `web` answers 1 KiB over HTTP, `iperf` is iperf3, `source` sends and `sink` takes bytes (the own
 * clients' bulk), `hold` echoes and stays, `postgres` is a database.
 */
export const SERVICES = ["web", "iperf", "source", "sink", "hold", "postgres"] as const;
export type ServiceId = (typeof SERVICES)[number];

export type Addresses = Readonly<Record<ServiceId, Address>>;

/** `other` is Fairlead as another checkout has built it. */
export type SystemId = "direct" | "fairlead" | "other" | "hop" | "nginx" | "ssh";

/** A process whose CPU time counts, with everything that it started. */
export interface Part {
  readonly name: string;
  readonly pid: number;
}

export interface System {
  readonly id: SystemId;
  readonly title: string;
  /** Where clients reach the servers through it. */
  readonly at: Addresses;
  readonly parts: readonly Part[];
  /** A pair of connectors that nothing has used yet; where that has a meaning. Ends with {@link System}. */
  fresh?(): Promise<System>;
  close(): Promise<void>;
}

/** The same for each service. */
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
