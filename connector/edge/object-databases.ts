/**
 * The databases of the Durable Objects on disk, read before workerd opens them: whether they are there, whether this
 * version can read them, and which sites they know.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { FairleadError } from "../../protocol/errors.ts";
import { NEWEST_MIGRATION } from "../../protocol/storage.ts";
import { corruptState, errnoOf, newerState, stateError } from "../state/errors.ts";
import { CANNOT_OPEN, CORRUPT, loadSqlite, NOT_A_DATABASE, resultCode } from "../state/sqlite.ts";

/** Directories of the objects' classes, below that of all objects (workerd/workerd-config.ts). */
const REGISTRIES = "fairlead-Registry";
const DIRECTORY = "fairlead-Directory";

/** A database of workerd itself beside those of the objects. */
const METADATA = "metadata.sqlite";

/** How long another process may hold a database, ms. */
const BUSY_MS = 2_000;

/** A network and its sites, as its database has them. */
export interface StoredNetwork {
  readonly name: string;
  /** Names of the sites that have joined and were not revoked. */
  readonly sites: readonly string[];
}

export interface StoredObjects {
  /** Whether workerd has run on this directory. */
  readonly used: boolean;
  /** Whether there are networks, or a database could not be read. */
  readonly hasNetworks: boolean;
  readonly networks: readonly StoredNetwork[];
}

/**
 * Reads the databases below a directory; null if the directory does not exist.
 * @param software version of the program that used the directory last, for the message; undefined if not known
 * @throws FairleadError state.corrupt when a database is damaged, missing or of a newer version; state.unwritable
 */
export async function readObjects(path: string, software?: string): Promise<StoredObjects | null> {
  const classes = await list(path);
  if (classes === null) return null;
  const registries = (await list(join(path, REGISTRIES))) ?? [];
  const directory = (await list(join(path, DIRECTORY))) ?? [];
  const stored = registries.filter(isObject);
  if (stored.length > 0 && !directory.some(isObject)) {
    const what = `${join(path, DIRECTORY)} has no database, but there are databases of networks`;
    throw corruptState(`${what} beside it.`, "edge");
  }
  for (const name of directory.filter(isDatabase)) await read(join(path, DIRECTORY, name), () => {});
  const networks: StoredNetwork[] = [];
  let unread = 0;
  for (const name of stored) {
    const file = join(path, REGISTRIES, name);
    const network = await read(file, (database) => readNetwork(database, file, software));
    if (network) networks.push(network);
    else if (network === undefined) unread += 1;
  }
  const used = [...registries, ...directory].some(isDatabase);
  return { used, hasNetworks: networks.length > 0 || unread > 0, networks };
}

const isDatabase = (name: string) => name.endsWith(".sqlite");
const isObject = (name: string) => isDatabase(name) && name !== METADATA;

/** The names in a directory; null if it does not exist. */
async function list(path: string): Promise<string[] | null> {
  try {
    return await readdir(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT") return null;
    if (errno === "ENOTDIR") throw corruptState(`${path} is not a directory.`, "edge", { cause: error });
    throw stateError(error, path);
  }
}

/** Reads a database; undefined while another process holds it. */
async function read<T>(file: string, query: (database: DatabaseSync) => T): Promise<T | undefined> {
  let database: DatabaseSync | undefined;
  try {
    database = new (loadSqlite().DatabaseSync)(file, { readOnly: true, timeout: BUSY_MS });
    database.prepare("SELECT count(*) FROM sqlite_master").get();
    return query(database);
  } catch (error) {
    if (error instanceof FairleadError) throw error;
    const code = resultCode(error);
    const isFile = await stat(file).then(
      (found) => found.isFile(),
      () => true,
    );
    if (!isFile) throw corruptState(`${file} is not a file.`, "edge", { cause: error });
    if (code === NOT_A_DATABASE || code === CORRUPT) {
      throw corruptState(`${file} is not a database, or is damaged.`, "edge", { cause: error });
    }
    if (code === CANNOT_OPEN) throw stateError(error, file);
    return undefined;
  } finally {
    database?.close();
  }
}

/** The network in a registry's database; null without one. */
function readNetwork(
  database: DatabaseSync,
  file: string,
  software: string | undefined,
): StoredNetwork | null {
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const has = (table: string) => tables.some(({ name }) => name === table);
  if (!has("migrations")) return null;
  const applied = database.prepare("SELECT max(number) AS number FROM migrations").get()?.number;
  if (typeof applied === "number" && applied > NEWEST_MIGRATION) {
    throw newerState(`${file} (migration ${applied}; this version knows ${NEWEST_MIGRATION})`, software);
  }
  const name = has("network") ? database.prepare("SELECT name FROM network").get()?.name : undefined;
  if (typeof name !== "string") return null;
  const sites = database.prepare(
    "SELECT name FROM sites WHERE state NOT IN ('new', 'revoked') ORDER BY name",
  );
  return { name, sites: sites.all().map((row) => String(row.name)) };
}
