/** Opens the object that keeps the traffic of a network. Addressing an object creates it: check the network first. */
import type { Telemetry } from "./telemetry.ts";

/** The traffic of a network. */
export function openTelemetry(
  namespace: DurableObjectNamespace,
  networkId: string,
): DurableObjectStub<Telemetry> {
  return (namespace as DurableObjectNamespace<Telemetry>).getByName(networkId);
}
