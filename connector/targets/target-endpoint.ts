/** One address at which a service's target is reached, with its health and its load. */
import type { TargetHost } from "../config/service-options.ts";
import { formatAddress } from "../net/local-socket.ts";
import type { NameError } from "../net/name-resolver.ts";
import type { TargetHealth } from "./health/target-health.ts";

/** Where a connection or a request went. */
export interface Target extends TargetHost {
  /** The IP address; null if the host is a name that cannot be looked up. */
  readonly address: string | null;
  /** Host and port in one text, which every request to the target names. */
  readonly hostAndPort: string;
}

export class TargetEndpoint implements Target {
  readonly host: string;
  readonly port: number;
  readonly address: string | null;
  readonly hostAndPort: string;
  /** Why the host has no address. */
  readonly problem: NameError | null;
  /** Null if the service has no health check: the target then counts as up. */
  readonly health: TargetHealth | null;
  /**
   * The place of the address's family among those of its host. A host with two families is mostly one server, which may
   * listen at one of them alone; the second is used while the first is down.
   */
  rank: number;
  /** Whether the host has addresses of another family. */
  hasOtherFamily = false;
  /** Whether a connection ever came about. */
  isProven = false;
  /** Connections and requests in progress, with connections that are being opened. */
  open = 0;
  /** When the state began, by the clock of the pool, ms. */
  since: number;

  constructor(
    { host, port }: TargetHost,
    address: string | null,
    facts: { rank: number; problem: NameError | null; health: TargetHealth | null; since: number },
  ) {
    this.host = host;
    this.port = port;
    this.address = address;
    this.hostAndPort = formatAddress(host, port);
    this.rank = facts.rank;
    this.problem = facts.problem;
    this.health = facts.health;
    this.since = facts.since;
  }

  get isUp(): boolean {
    return this.health?.isUp ?? true;
  }

  /** Whether nothing failed since the last success. */
  get isSound(): boolean {
    return this.isUp && (this.health?.failure ?? null) === null;
  }
}
