/** Returns a TCP port that is free at `host`. Another program may still take it before the caller does. */
import { once } from "node:events";
import { createServer } from "node:net";

export async function freePort(host = "127.0.0.1"): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const bound = server.address();
  server.close();
  await once(server, "close");
  if (bound === null || typeof bound === "string") throw new Error(`The server at ${host} has no port.`);
  return bound.port;
}
