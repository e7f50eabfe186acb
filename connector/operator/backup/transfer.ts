/** Moving the directory and the registries between a backup and an edge, through the edge's API. */
import { z } from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { NetworkId } from "../../../protocol/ids.ts";
import type { EdgeClient } from "../../net/edge-client.ts";
import { fetchBackup, sendBackup } from "../edge-api.ts";
import { type Backup, malformed } from "./backup.ts";

/** What has to be known of the directory's document: which networks there are. */
const Listed = z.object({ networks: z.array(z.object({ id: NetworkId, name: z.string() })) });

type Contents = Pick<Backup, "directory" | "networks">;

/**
 * Everything that an edge knows. Each network is a snapshot of its own moment; one that is made meanwhile is left out.
 * @param told is called with each network's name before it is fetched.
 * @throws FairleadError as the API, `edge.internal` when it answers with another form
 */
export async function collect(edge: EdgeClient, told: (network: string) => void): Promise<Contents> {
  const directory = await fetchBackup(edge, null);
  const networks: Backup["networks"][number][] = [];
  for (const { id, name } of networksIn(directory.text, "edge.internal")) {
    told(name);
    try {
      networks.push({ part: "network", id, name, ...(await fetchBackup(edge, id)) });
    } catch (thrown) {
      // Deleted since the directory was asked: then the whole would not fit together.
      if (!(thrown instanceof FairleadError) || thrown.code !== "network.unknown") throw thrown;
      throw new FairleadError(
        "network.unknown",
        `network "${name}" was deleted during the backup; start it again`,
      );
    }
  }
  return { directory: { type: directory.type, text: directory.text }, networks };
}

/**
 * Whether a backup has each network that its directory lists, and no other.
 * @throws FairleadError `backup.malformed`
 */
export function checkContents({ directory, networks }: Contents): void {
  const listed = networksIn(directory.text, "backup.malformed").map(({ id }) => id);
  const held = networks.map(({ id }) => id);
  if (listed.toSorted().join() !== held.toSorted().join()) {
    throw malformed("its networks are not those of its directory");
  }
}

/**
 * Gives an empty edge what a backup holds. What an interrupted attempt left there is passed over: the ids say that it is
 * from this very backup, and nothing that is there is ever written over.
 * @throws FairleadError `backup.not_empty` when the edge has something else, or as the API
 */
export async function send(
  edge: EdgeClient,
  { directory, networks }: Contents,
  told: (network: string) => void,
): Promise<void> {
  checkContents({ directory, networks });
  const resumed = !(await sendUnlessThere(edge, null, directory));
  if (resumed && !(await begunBefore(edge, networks))) {
    throw new FairleadError(
      "backup.not_empty",
      `${edge.url} has networks or keys that are not of this backup.`,
    );
  }
  for (const { id, name, type, text } of networks) {
    told(name);
    const sent = await sendUnlessThere(edge, id, { type, text });
    if (!sent && !resumed) throw new FairleadError("backup.not_empty", `Network "${name}" is there already.`);
  }
}

/** False when the edge says that there is something already. */
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

/** Whether what the edge has is what an attempt before with this backup left. */
async function begunBefore(edge: EdgeClient, networks: Contents["networks"]): Promise<boolean> {
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
    ? malformed("its directory has another form")
    : new FairleadError(code, "the edge's directory came in a form that this version does not know");
}
