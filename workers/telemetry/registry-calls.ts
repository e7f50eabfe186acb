/** The call that the object of traffic makes to the registry of its network, which implements it. */
import type { Result } from "../result.ts";

export interface RegistryCalls {
  /** The names of the network's sites, by id. */
  siteNames(): Promise<Result<[id: string, name: string][]>>;
}

/** The registry of a network. Addressing an object creates it, so check first that the network exists. */
export function openRegistryOf(namespace: DurableObjectNamespace, network: string): RegistryCalls {
  return namespace.getByName(network) as unknown as RegistryCalls;
}
