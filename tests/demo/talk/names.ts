/** Uses services as a program in a cluster does: by their names, which the DNS server of the cluster knows. */
import { Resolver } from "node:dns/promises";
import { RedisClient } from "../../../examples/shop/redis/client.ts";
import { ServiceClient } from "../../../examples/shop/rpc/client.ts";
import { EXPOSED, type Exposed, SITES, type SiteName } from "./deployments.ts";
import type { Ranges } from "./ranges.ts";

/** A service that does not serve a cluster. */
export interface SilentService {
  readonly site: SiteName;
  readonly name: string;
  readonly problem: string;
}

/** Asks every service from clusters, all of them unless given, whether it serves. Returns those that do not. */
export async function silentServices(
  ranges: Ranges,
  domain: string,
  sites: readonly SiteName[] = SITES,
): Promise<SilentService[]> {
  const asked = sites.flatMap((site) => EXPOSED.map((service) => ({ site, service })));
  const answers = await Promise.all(
    asked.map(async ({ site, service }): Promise<SilentService[]> => {
      const problem = await problemOf(service, site, ranges.dns(site), domain);
      return problem === null ? [] : [{ site, name: service.name, problem }];
    }),
  );
  return answers.flat();
}

/** Returns null for a service that serves. */
async function problemOf(
  service: Exposed,
  site: SiteName,
  server: string,
  domain: string,
): Promise<string | null> {
  try {
    const resolver = new Resolver();
    resolver.setServers([server]);
    const [place] = await resolver.resolveSrv(`_${service.name}._tcp.${domain}`);
    if (place === undefined) return "the name has no place";
    // A cluster's own programs are reached at their own ports, and services of others at those of the network.
    const port = service.site === site ? service.port : (service.servicePort ?? service.port);
    if (place.port !== port) return `its port is ${place.port}, not ${port}`;
    const [address] = await resolver.resolve4(place.name);
    if (address === undefined) return `${place.name} has no address`;
    await ask(service, `${address}:${port}`);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Asks a service whether it serves. @throws Error if it does not */
async function ask({ protocol }: Exposed, address: string): Promise<void> {
  if (protocol === "tcp") {
    const redis = new RedisClient(address);
    try {
      const reply = await redis.command("PING");
      if (reply !== "PONG") throw new Error(`Redis replied ${String(reply)}.`);
    } finally {
      redis.close();
    }
    return;
  }
  const client = new ServiceClient("grpc.health.v1.Health", address);
  try {
    const { status } = await client.call("check", { service: "" });
    if (status !== "SERVING") throw new Error(`Its health is ${status}.`);
  } finally {
    client.close();
  }
}
