/** Returns a TCP port that is free at `host`. Another program may still take it before the caller does. */
import { tryAddress } from "../../connector/edge/addresses/ports.ts";

export function freePort(host = "127.0.0.1"): Promise<number> {
  return tryAddress({ host, port: 0 });
}
