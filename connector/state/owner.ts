/** Which kind of process a state directory belongs to, by the files in it. */
import { existsSync } from "node:fs";
import { join } from "node:path";

export type StateOwner = "connector" | "edge";

/** Files that only one kind of process writes, and never removes. */
const MARKS: Readonly<Record<StateOwner, readonly string[]>> = {
  connector: ["site.json"],
  edge: ["edge.json", "deploy.json", "ca-key.pem"],
};

/** The owner of a state directory; null for an empty or missing one. */
export function ownerOf(directory: string): StateOwner | null {
  const owners = ["connector", "edge"] as const;
  return owners.find((owner) => MARKS[owner].some((name) => existsSync(join(directory, name)))) ?? null;
}
