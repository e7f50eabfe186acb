/** Backup and restoration of a network's registry. */
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
 * Restores the network into a database without tables. A faulty backup leaves the database empty. All sites
 * are down and all offers lost until their connectors return.
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

/** Reads every restored row once. A row that cannot be parsed would break the registry at a later read. */
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
 * Checks that this edge can open the keys in a backup: keys sealed by another deployment are useless. Call
 * this before anything is written.
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
    "The backup is refused: its keys were sealed by another deployment CA. Restore the deployment CA of its edge first.",
  );
}
