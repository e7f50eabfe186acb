/** Access to registries: one object per network. */
import type { Registry } from "./registry.ts";

/** The registry of a network. Addressing an object creates it, so check first that the network exists. */
export function openRegistry(
  namespace: DurableObjectNamespace,
  networkId: string,
): DurableObjectStub<Registry> {
  return (namespace as DurableObjectNamespace<Registry>).getByName(networkId);
}
