/** Starts the shop: the programs of each cluster, and Redis. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Cluster, ROOT } from "../../support/process/cluster.ts";
import type { ManagedProcess } from "../../support/process/managed-process.ts";
import { DEPLOYMENTS, type Deployment, deploymentOf, type SiteName } from "./deployments.ts";
import type { Ranges } from "./ranges.ts";

export interface ShopPrograms {
  readonly processes: ReadonlyMap<SiteName, readonly ManagedProcess[]>;
  /** What serves as Redis, such as "Redis 7.0.15". */
  readonly redis: string;
}

/** Starts every program, and waits until all listen. `domain`: of the network's services in DNS. */
export async function startShop(cluster: Cluster, ranges: Ranges, domain: string): Promise<ShopPrograms> {
  const redisServer = findProgram("redis-server");
  const processes = new Map<SiteName, ManagedProcess[]>();
  const started = DEPLOYMENTS.map((deployment) => {
    const isRedis = deployment.name === "redis-cart" && redisServer !== null;
    const program = isRedis
      ? startRedis(cluster, redisServer, ranges.hostOf(deployment), deployment.port)
      : startProgram(cluster, deployment, ranges, domain);
    processes.set(deployment.site, [...(processes.get(deployment.site) ?? []), program]);
    return program;
  });
  const [redis] = await Promise.all([
    redisServer === null ? "the demo's own server" : versionOf(started),
    ...started.map((each) =>
      each.output("it listens", ({ stdout }) =>
        /"listening":|Ready to accept connections/.test(stdout) ? true : null,
      ),
    ),
  ]);
  return { processes, redis };
}

function startProgram(
  cluster: Cluster,
  deployment: Deployment,
  ranges: Ranges,
  domain: string,
): ManagedProcess {
  const { name, site, program, port, uses = {} } = deployment;
  const addresses = Object.entries(uses).map(([variable, service]) => {
    const { port: own, servicePort = own } = deploymentOf(service);
    return [variable, `dns://${ranges.dns(site)}/${service}.${domain}:${servicePort}`];
  });
  return cluster.spawn({
    name,
    command: process.execPath,
    args: [join(ROOT, "examples/shop", program)],
    env: {
      HOST: ranges.hostOf(deployment),
      PORT: String(port),
      CLUSTER: site,
      // grpc-js 1.14 asks the DNS server that an address names only with this variable.
      GRPC_NODE_USE_ALTERNATIVE_RESOLVER: "true",
      ...Object.fromEntries(addresses),
    },
  });
}

function startRedis(cluster: Cluster, command: string, host: string, port: number): ManagedProcess {
  const args = ["--bind", host, "--port", String(port), "--dir", cluster.directory];
  return cluster.spawn({
    name: "redis-cart",
    command,
    args: [...args, "--save", "", "--appendonly", "no"],
  });
}

async function versionOf(started: readonly ManagedProcess[]): Promise<string> {
  const redis = started.find(({ name }) => name === "redis-cart");
  return `Redis ${await redis?.output("its version", ({ stdout }) => /Redis version=([\d.]+)/.exec(stdout)?.[1] ?? null)}`;
}

/** The path of a program in PATH; null for none. */
function findProgram(name: string): string | null {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // It may be in the next folder.
    }
  }
  return null;
}
