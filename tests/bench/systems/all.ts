/** Starts the compared systems. A missing system is left out with the reason. */
import type { Ground } from "../ground.ts";
import { selected } from "../options.ts";
import { direct } from "./direct.ts";
import { fairlead, otherBuild } from "./fairlead.ts";
import { nginx } from "./nginx.ts";
import { ssh } from "./ssh.ts";
import type { System, SystemId } from "./system.ts";

export interface Systems {
  readonly systems: readonly System[];
  readonly absent: Readonly<Record<string, string>>;
}

export async function startSystems(ground: Ground, say: (line: string) => void): Promise<Systems> {
  let edge: ReturnType<typeof ground.cluster.edge> | undefined;
  const theEdge = () => {
    edge ??= ground.cluster.edge();
    return edge;
  };
  const known: readonly { id: SystemId; start: () => Promise<System | string> }[] = [
    { id: "direct", start: async () => direct(ground.servers) },
    { id: "fairlead", start: async () => await fairlead(ground, await theEdge(), "end-to-end") },
    { id: "other", start: () => otherBuild(ground) },
    { id: "hop", start: async () => await fairlead(ground, await theEdge(), "hop") },
    { id: "nginx", start: () => nginx(ground) },
    { id: "ssh", start: () => ssh(ground) },
  ];
  const systems: System[] = [];
  const absent: Record<string, string> = {};
  const possible = known.filter(({ id }) => id !== "other" || ground.options.against !== null);
  for (const { id, start } of selected(possible, ground.options.only)) {
    const system = await start().catch((error: unknown) => {
      // A reference may fail to start on some machines. Fairlead must start.
      if (id === "fairlead" || id === "other") throw error;
      return error instanceof Error ? error.message : String(error);
    });
    if (typeof system === "string") absent[id] = system;
    else systems.push(system);
    say(typeof system === "string" ? `${id}: left out: ${system}` : `${id} is up`);
  }
  return { systems, absent };
}
