/** The way to a registry: one object for each network. */
import type { Registry } from "./registry.ts";

/** The registry of a network. Addressing an object creates it: check first that the network exists. */
export function openRegistry(
  namespace: DurableObjectNamespace,
  networkId: string,
): DurableObjectStub<Registry> {
  return (namespace as DurableObjectNamespace<Registry>).getByName(networkId);
}
