/** Options for hop encryption, if the connectors of this build have them. */
import type { Ground } from "../ground.ts";
import { SERVICES } from "./system.ts";

/** Option in `connector run --help`. */
const FLAG = "--allow-hop";

export interface HopFlags {
  readonly west: readonly string[];
  readonly east: readonly string[];
}

/** Returns the options, or null for a build without them. */
export async function hopFlags({ cluster }: Pick<Ground, "cluster">): Promise<HopFlags | null> {
  const { stdout } = await cluster.fairlead(["connector", "run", "--help"]);
  if (!stdout.includes(FLAG)) return null;
  return { west: [FLAG, "all"], east: SERVICES.flatMap((name) => ["--hop", name]) };
}
