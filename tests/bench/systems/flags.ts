/** Options of the connectors' program, if its build has them. */
import { freePort } from "../../support/free-port.ts";
import type { Cluster } from "../../support/process/cluster.ts";
import { type DnsServer, type Feature, SERVICES } from "./system.ts";

export interface HopFlags {
  readonly west: readonly string[];
  readonly east: readonly string[];
}

/** Returns the options for hop encryption, or null for a build without them. */
export async function hopFlags(cluster: Cluster): Promise<HopFlags | null> {
  if (!(await hasOption(cluster, "--allow-hop"))) return null;
  return { west: ["--allow-hop", "all"], east: SERVICES.flatMap((name) => ["--hop", name]) };
}

/** Returns the options that keep iperf3's service offered while its target is down, as it is between two runs. */
export async function unchecked(cluster: Cluster): Promise<readonly string[]> {
  return (await hasOption(cluster, "--health")) ? ["--health", "iperf=off"] : [];
}

/** An option of each feature, which came with it. */
const OPTIONS: Readonly<Record<Feature, string>> = {
  requests: "--retry",
  observers: "--observe",
  telemetry: "--telemetry",
};

/** Returns the features of a build. */
export async function featuresOf(cluster: Cluster): Promise<ReadonlySet<Feature>> {
  const has = await Promise.all(
    Object.entries(OPTIONS).map(
      async ([feature, option]) => [feature as Feature, await hasOption(cluster, option)] as const,
    ),
  );
  return new Set(has.flatMap(([feature, present]) => (present ? [feature] : [])));
}

/** Returns the option that leaves the connections of a service unobserved. */
export function unobserved(features: ReadonlySet<Feature>): readonly string[] {
  return features.has("observers") ? ["--observe", "plain=off"] : [];
}

const DOMAIN = "bench.internal";

/** Returns the options for a DNS server at the address, and the server; neither for a build without it. */
export async function dnsFlags(
  cluster: Cluster,
  host: string,
): Promise<{ flags: readonly string[]; dns?: DnsServer }> {
  if (!(await hasOption(cluster, "--dns-domain"))) return { flags: [] };
  const port = await freePort(host);
  return {
    flags: ["--dns", `${host}:${port}`, "--dns-domain", DOMAIN],
    dns: { host, port, name: `web.${DOMAIN}` },
  };
}

async function hasOption(cluster: Cluster, option: string): Promise<boolean> {
  const { stdout } = await cluster.fairlead(["connector", "run", "--help"]);
  return stdout.includes(option);
}
