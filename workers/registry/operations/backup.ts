/** A network's registry as a document, and a registry made from one. */
import { BACKUP_VERSION, type NetworkDump } from "../../../protocol/api/backup.ts";
import { decodeBase64 } from "../../../protocol/encoding.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { readCertificate } from "../../authority/x509.ts";
import type { Context } from "../context/context.ts";
import { NETWORK_NODE } from "../policy/link-graph.ts";
import type { NetworkRow } from "../store/store.ts";
import { reconcile } from "./sweep.ts";

export function dumpNetwork(context: Context): NetworkDump {
  const { store } = context;
  const network = store.network.get();
  if (!network) throw new FairleadError("network.unknown");
  return {
    kind: "fairlead/network",
    version: BACKUP_VERSION,
    at: new Date(context.now()).toISOString(),
    network: { id: network.id, name: network.name },
    ...store.dump(),
  };
}

/**
 * Makes the network anew in a database without tables; if anything is wrong with the backup, nothing is written. Sites
 * are down and offers lost until their connectors come back.
 * @throws FairleadError `backup.version`, `backup.malformed`
 */
export function restoreNetwork(context: Context, dump: NetworkDump, actor: string): void {
  const { store } = context;
  store.transaction(() => {
    store.restore(dump, context.now());
    checkContents(context, dump);
    store.network.setRestoredAt(context.now());
    context.event(
      "network.restored",
      `Network ${dump.network.name} was restored from a backup of ${dump.at}.`,
      { actor },
    );
    reconcile(context);
  });
}

/** Reads everything once: what cannot be read would break the registry whenever it is. */
function checkContents({ store }: Context, dump: NetworkDump): void {
  let network: NetworkRow | null;
  try {
    network = store.network.get();
    for (const issuer of store.issuers.all()) store.issuers.get(issuer);
    const sites = new Set(store.sites.all().map((site) => site.id));
    const ends = store.links.all().flatMap(({ joiner, issuer }) => [joiner, issuer]);
    if (ends.some((end) => end !== NETWORK_NODE && !sites.has(end))) throw new TypeError("a link has no end");
    store.tokens.all();
    store.offers.stored();
    store.network.quotas();
  } catch (cause) {
    throw new FairleadError("backup.malformed", "The backup is refused: its rows cannot be read.", { cause });
  }
  if (network?.id !== dump.network.id || network.name !== dump.network.name) {
    throw new FairleadError("backup.malformed", "The backup is refused: it holds another network's tables.");
  }
  if (readCertificate(network.certificate) === null) {
    throw new FairleadError("backup.malformed", "The backup is refused: its network CA is damaged.");
  }
}

/**
 * Whether the keys in a backup can be opened here: another deployment's are of no use. To be asked before anything is
 * written.
 * @throws FairleadError `backup.malformed`
 */
export async function checkBackup({ authorities }: Context, { network, tables }: NetworkDump): Promise<void> {
  const { columns = [], rows = [] } = tables.network ?? {};
  const cell = rows[0]?.[columns.indexOf("ca_key_sealed")];
  const sealedKey = typeof cell === "object" && cell !== null ? decodeBase64(cell.base64) : null;
  if (rows.length !== 1 || !sealedKey) {
    throw new FairleadError("backup.malformed", "The backup is refused: it holds no network.");
  }
  if (await authorities.opens(network.id, sealedKey)) return;
  throw new FairleadError(
    "backup.malformed",
    "The backup is refused: its keys were sealed by another deployment CA. Restore that of the edge it comes from first.",
  );
}
