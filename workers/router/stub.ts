/** Opens a router: one object for each pair of sites. */
import type { Router } from "./router.ts";

/** The router of a name; see routerName. */
export function openRouter(namespace: DurableObjectNamespace, name: string): DurableObjectStub<Router> {
  return (namespace as DurableObjectNamespace<Router>).getByName(name);
}
