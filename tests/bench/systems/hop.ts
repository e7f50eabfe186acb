/** Whether this build's connectors can turn the inner encryption off, and how they are told to. */
import type { Ground } from "../ground.ts";
import { SERVICES } from "./system.ts";

/** Named in `connector run --help` once it is there. */
const FLAG = "--allow-hop";

export interface HopFlags {
  readonly west: readonly string[];
  readonly east: readonly string[];
}

/** Null when they cannot. */
export async function hopFlags({ cluster }: Pick<Ground, "cluster">): Promise<HopFlags | null> {
  const { stdout } = await cluster.fairlead(["connector", "run", "--help"]);
  if (!stdout.includes(FLAG)) return null;
  return { west: [FLAG, "all"], east: SERVICES.flatMap((name) => ["--hop", name]) };
}
