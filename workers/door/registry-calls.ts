/** The calls that a door makes to the registry of its network, which implements them. */
import type { DoorAccess } from "../../protocol/hostnames.ts";
import type { InstanceId } from "../../protocol/instance-id.ts";
import type { ServiceProtocol } from "../../protocol/names.ts";
import type { Result } from "../result.ts";

/** A service that is published by a hostname. */
export interface PublishedHostname {
  readonly service: string;
  readonly access: DoorAccess;
  readonly protocol: ServiceProtocol;
}

/** An instance that publishes the hostname. */
export interface PublishingInstance extends InstanceId {
  readonly siteName: string;
  /** Id of the session that it was invited to; null for one that the door knows. */
  readonly session: string | null;
}

/** The registry's view of a door. */
export interface DoorSummary {
  readonly service: string;
  readonly access: DoorAccess;
  readonly instances: readonly PublishingInstance[];
}

export interface RegistryCalls {
  /** What is published by a hostname; null when nothing is. */
  publishedBy(hostname: string): Promise<Result<PublishedHostname | null>>;
  /** Invites the instances that the door does not know. Returns all that publish the hostname. */
  inviteToDoor(request: {
    hostname: string;
    id: string;
    boot: string;
    known: InstanceId[];
  }): Promise<Result<DoorSummary>>;
  /** A ticket for an instance's end of a client's WebSocket. */
  socketTicket(
    request: InstanceId & { hostname: string; door: string; socket: string },
  ): Promise<Result<string>>;
}

/** The registry of a network. Addressing an object creates it, so check first that the network exists. */
export function openRegistryOf(namespace: DurableObjectNamespace, network: string): RegistryCalls {
  return namespace.getByName(network) as unknown as RegistryCalls;
}
