/** Addresses of each party of the demo. */
import { freePort } from "../support/free-port.ts";

export interface Places {
  /** Range of west's listeners, for --bind. */
  readonly west: string;
  /** Range of east's servers. */
  readonly east: string;
  readonly database: string;
  readonly api: string;
  /** Values of --listen for west's connector. */
  listen(services: readonly string[]): Promise<string[]>;
}

/** Finds addresses that this machine has. Only Linux has all of 127.0.0.0/8 without configuration. */
export async function findPlaces(): Promise<Places> {
  const west = { range: "127.2.0.0/16", probe: "127.2.0.1" };
  const [database, api] = ["127.3.0.1", "127.3.0.2"];
  const ports = await Promise.all(
    [west.probe, database, api].map((host) => freePort(host).catch(() => null)),
  );
  if (!ports.includes(null)) {
    return { west: west.range, east: "127.3.0.0/24", database, api, listen: async () => [] };
  }
  const shared = "127.0.0.1";
  return {
    west: `${shared}/32`,
    east: `${shared}/32`,
    database: shared,
    api: shared,
    // At one address, a listener cannot have the port of its target.
    listen: (services) =>
      Promise.all(services.map(async (service) => `${service}=${shared}:${await freePort(shared)}`)),
  };
}
