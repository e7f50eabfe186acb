/** The direct connection, which shows the limits of machine, servers and clients. */
import type { Addresses, System } from "./system.ts";

export function direct(servers: Addresses): System {
  return { id: "direct", title: "direct", at: servers, parts: [], close: async () => {} };
}
