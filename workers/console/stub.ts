/** Opens the console's object: one for a deployment. */
import type { Console } from "./console.ts";

export function openConsole(namespace: DurableObjectNamespace): DurableObjectStub<Console> {
  return (namespace as DurableObjectNamespace<Console>).getByName("console");
}
