/** The interface of a compared system: a path from clients to the measured servers. */
import type { Address } from "../../support/process/cluster.ts";

/**
 * The servers: `web` answers 1 KiB over HTTP, `iperf` is iperf3, `source` sends and `sink` receives bytes for the
 * bench's own clients, `hold` echoes and stays open, `postgres` is a database. `plain` is the same as `web`, and nothing
 * observes its connections. `http` is the same as `web`, `grpc` answers unary calls, and `messages` sends messages in one
 * stream; these three are used request by request.
 */
export const SERVICES = [
  ...(["web", "plain", "iperf", "source", "sink", "hold", "postgres"] as const),
  ...(["http", "grpc", "messages"] as const),
];
export type ServiceId = (typeof SERVICES)[number];

/** Services whose requests are balanced one by one, and their protocols. */
export const REQUEST_SERVICES = { http: "http", grpc: "http2", messages: "http2" } as const;
export type RequestServiceId = keyof typeof REQUEST_SERVICES;

export type Addresses = Readonly<Record<ServiceId, Address>>;

/** Names of systems. `other` is Fairlead of another checkout. */
export type SystemId = "direct" | "fairlead" | "other" | "hop" | "nginx" | "ssh";

/** What a build of Fairlead may lack: requests that are balanced one by one, observers of connections, and telemetry. */
export type Feature = "requests" | "observers" | "telemetry";

/** A connector's DNS server, and a name that it answers. */
export interface DnsServer extends Address {
  readonly name: string;
}

/** A process that is measured with its descendants. */
export interface Part {
  readonly name: string;
  readonly pid: number;
  /** Socket of the probe that counts the turns of its event loop, for connectors. */
  readonly probe?: string;
}

export interface System {
  readonly id: SystemId;
  readonly title: string;
  /** Addresses at which clients reach the servers. */
  readonly at: Addresses;
  readonly parts: readonly Part[];
  /** Set for Fairlead alone. */
  readonly features?: ReadonlySet<Feature>;
  /** The DNS server of the clients' site, if the system has any. */
  readonly dns?: DnsServer;
  /** Turns telemetry of both connectors on or off, if the system has it. It is on at first. */
  setTelemetry?(isOn: boolean): Promise<void>;
  /** Starts an unused pair of connectors, if the system has them. It ends with {@link System}. */
  fresh?(): Promise<System>;
  /** Measures the start-up and the memory at rest of processes of its own, if the system has it. Seconds and bytes. */
  startUp?(): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
}

/** Makes a record with a value for each service. */
export async function forEachService<T>(
  make: (service: ServiceId) => Promise<T> | T,
): Promise<Record<ServiceId, T>> {
  const made = await Promise.all(SERVICES.map(async (service) => [service, await make(service)] as const));
  return Object.fromEntries(made) as Record<ServiceId, T>;
}
