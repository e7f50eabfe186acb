/** Addresses the registry of a network. */
import type { Registry } from "./registry.ts";

/**
 * The registry of a network, behind its binding. Addressing an object creates it: check first that the network
 * exists.
 */
export function openRegistry(
  namespace: DurableObjectNamespace,
  networkId: string,
): DurableObjectStub<Registry> {
  return (namespace as DurableObjectNamespace<Registry>).getByName(networkId);
}
