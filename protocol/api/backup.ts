/**
 * Backups of an edge in the API: one document for the directory, and one for each network. Private keys are
 * sealed under the deployment CA's key, and API keys are hashed. A person with a backup and the deployment CA
 * still controls the edge.
 */
import * as z from "zod";
import { FairleadError } from "../errors.ts";
import { NetworkId } from "../ids.ts";
import { NetworkName } from "../names.ts";
import { parseWith } from "../parse.ts";
import { NetworkEvent } from "./events.ts";
import { DoorKeyRecord, HostnameGrant } from "./hostnames.ts";
import { ApiKey } from "./keys.ts";
import { Network } from "./networks.ts";
import { Timestamp } from "./timestamp.ts";

/** The largest backup that the edge reads, bytes. */
export const MAX_BACKUP = 64 * 1024 * 1024;

/** The version of the format. It grows with each change that an older edge could not restore. */
export const BACKUP_VERSION = 1;

/** An API key as the edge stores it: SHA-256 of its text in lower-case hexadecimal, never the text. */
export const KeyRecord = ApiKey.extend({ hash: z.string().regex(/^[0-9a-f]{64}$/) });
export type KeyRecord = z.infer<typeof KeyRecord>;

const common = { version: z.literal(BACKUP_VERSION), at: Timestamp };

/** The backup of the directory: networks, API keys, and events of the edge itself. */
export const DirectoryDump = z
  .object({
    kind: z.literal("fairlead/directory"),
    ...common,
    networks: z.array(Network),
    keys: z.array(KeyRecord),
    events: z.array(NetworkEvent),
    /** Granted hostnames; missing in a backup of an older edge, as are the keys for doors. */
    hostnames: z.array(HostnameGrant).optional(),
    doorKeys: z.array(DoorKeyRecord).optional(),
  })
  .meta({ id: "DirectoryBackup" });
export type DirectoryDump = z.infer<typeof DirectoryDump>;

/** A value of a table. Bytes are base64. */
export const Cell = z.union([z.null(), z.number(), z.string(), z.object({ base64: z.string() })]);
export type Cell = z.infer<typeof Cell>;

/**
 * The backup of a network: the registry's tables (docs/storage.md), and the last migration that they have.
 */
export const NetworkDump = z
  .object({
    kind: z.literal("fairlead/network"),
    ...common,
    network: z.object({ id: NetworkId, name: NetworkName }),
    migration: z.number().int().min(1),
    tables: z.record(
      z.string().regex(/^[a-z_]{1,40}$/),
      z.object({
        columns: z.array(z.string().regex(/^[a-z_]{1,40}$/)).max(100),
        rows: z.array(z.array(Cell).max(100)),
      }),
    ),
  })
  .meta({ id: "NetworkBackup" });
export type NetworkDump = z.infer<typeof NetworkDump>;

const Heading = z.object({ kind: z.string(), version: z.number().int() });

/**
 * Parses a backup by the schema of its kind.
 *
 * @throws FairleadError backup.version for a newer format; backup.malformed
 */
export function readBackup<T>(schema: z.ZodType<T>, document: unknown): T {
  const heading = Heading.safeParse(document);
  if (heading.success && heading.data.version > BACKUP_VERSION) throw new FairleadError("backup.version");
  return parseWith(schema, document, { code: "backup.malformed", what: "The backup is refused" });
}
