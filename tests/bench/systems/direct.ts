/** No tunnel: what the machine, the servers and the clients can do. */
import type { Addresses, System } from "./system.ts";

export function direct(servers: Addresses): System {
  return { id: "direct", title: "direct", at: servers, parts: [], close: async () => {} };
}
