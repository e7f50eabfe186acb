/** Addresses the router of a pair of sites. */
import type { Router } from "./router.ts";

/** The router of that name, behind its binding. */
export function openRouter(namespace: DurableObjectNamespace, name: string): DurableObjectStub<Router> {
  return (namespace as DurableObjectNamespace<Router>).getByName(name);
}
