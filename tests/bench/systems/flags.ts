/** Options of the connectors' program, if its build has them. */
import type { Cluster } from "../../support/process/cluster.ts";
import { SERVICES } from "./system.ts";

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

async function hasOption(cluster: Cluster, option: string): Promise<boolean> {
  const { stdout } = await cluster.fairlead(["connector", "run", "--help"]);
  return stdout.includes(option);
}
