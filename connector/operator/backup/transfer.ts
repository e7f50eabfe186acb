/** Transfers the directory and the networks between a backup and an edge, through the edge's API. */
import * as z from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { NetworkId } from "../../../protocol/ids.ts";
import type { EdgeClient } from "../../net/edge-client.ts";
import { fetchBackup, sendBackup } from "../edge-api.ts";
import { type Backup, malformed } from "./backup.ts";

/** The part of the directory's document that is read: the networks. */
const Listed = z.object({ networks: z.array(z.object({ id: NetworkId, name: z.string() })) });

type Contents = Pick<Backup, "directory" | "networks">;

/**
 * Fetches the directory and every network in it. Each network is a snapshot of its own moment; a network that
 * is created in the meantime is left out.
 * @param onNetwork called with the name of each network before it is fetched
 * @throws FairleadError as the API; edge.internal when its response is malformed
 */
export async function collect(edge: EdgeClient, onNetwork: (network: string) => void): Promise<Contents> {
  const directory = await fetchBackup(edge, null);
  const networks: Backup["networks"][number][] = [];
  for (const { id, name } of networksIn(directory.text, "edge.internal")) {
    onNetwork(name);
    try {
      networks.push({ part: "network", id, name, ...(await fetchBackup(edge, id)) });
    } catch (thrown) {
      // The network was deleted after the directory was fetched: the backup would be inconsistent.
      if (!(thrown instanceof FairleadError) || thrown.code !== "network.unknown") throw thrown;
      throw new FairleadError("network.unknown", `Network "${name}" was deleted during the backup.`, {
        action: "Start the backup again.",
      });
    }
  }
  return { directory: { type: directory.type, text: directory.text }, networks };
}

/**
 * Checks that a backup has exactly the networks that its directory lists.
 * @throws FairleadError backup.malformed
 */
export function checkContents({ directory, networks }: Contents): void {
  const listed = networksIn(directory.text, "backup.malformed").map(({ id }) => id);
  const held = networks.map(({ id }) => id);
  if (listed.toSorted().join() !== held.toSorted().join()) {
    throw malformed("its networks are not those of its directory");
  }
}

/**
 * Sends a backup to an empty edge. What an interrupted attempt with this backup left there is skipped, as the
 * ids of its networks show; nothing is overwritten.
 * @throws FairleadError backup.not_empty when the edge has anything else; as the API
 */
export async function send(
  edge: EdgeClient,
  { directory, networks }: Contents,
  onNetwork: (network: string) => void,
): Promise<void> {
  checkContents({ directory, networks });
  const resumed = !(await sendUnlessThere(edge, null, directory));
  if (resumed && !(await isOwnAttempt(edge, networks))) {
    throw new FairleadError(
      "backup.not_empty",
      `${edge.url} has networks or keys that are not in this backup.`,
      {
        action:
          "Restore into a new edge: into an empty state directory, or into a deployment of `fairlead edge deploy` that has no networks and no keys of its own.",
      },
    );
  }
  for (const { id, name, type, text } of networks) {
    onNetwork(name);
    const sent = await sendUnlessThere(edge, id, { type, text });
    if (!sent && !resumed)
      throw new FairleadError("backup.not_empty", `Network "${name}" exists already.`, {
        action: "Delete the network first with `fairlead network delete NAME`, or restore into a new edge.",
      });
  }
}

/** Sends a document. @returns false when the edge has something there already */
async function sendUnlessThere(
  edge: EdgeClient,
  network: string | null,
  document: Backup["directory"],
): Promise<boolean> {
  try {
    await sendBackup(edge, network, document);
    return true;
  } catch (thrown) {
    if (thrown instanceof FairleadError && thrown.code === "backup.not_empty") return false;
    throw thrown;
  }
}

/** Whether the edge has exactly what an earlier attempt with this backup left. */
async function isOwnAttempt(edge: EdgeClient, networks: Contents["networks"]): Promise<boolean> {
  const there = networksIn((await fetchBackup(edge, null)).text, "edge.internal").map(({ id }) => id);
  return (
    there.length > 0 &&
    there.toSorted().join() ===
      networks
        .map(({ id }) => id)
        .toSorted()
        .join()
  );
}

function networksIn(text: string, code: "edge.internal" | "backup.malformed") {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  const listed = Listed.safeParse(value);
  if (listed.success) return listed.data.networks;
  throw code === "backup.malformed"
    ? malformed("its directory is malformed")
    : new FairleadError(code, "The edge's directory has a form that this version does not know.", {
        action: "Update Fairlead on this machine; `fairlead version` compares it with the edge.",
      });
}
