/** The keys for doors. Each is valid for requests to one hostname, and not for the API. */
import type { DoorKey, DoorKeyRecord } from "../../protocol/api/hostnames.ts";
import { equalBytes } from "../../protocol/encoding.ts";
import type { KeyUses } from "./key-uses.ts";

type Row = {
  id: string;
  name: string;
  network: string;
  hostname: string;
  hash: string;
  created_at: number;
};

const encoder = new TextEncoder();

/** The table of keys for doors. */
export class DoorKeys {
  readonly #sql: SqlStorage;
  readonly #uses: KeyUses;

  constructor(sql: SqlStorage, uses: KeyUses) {
    this.#sql = sql;
    this.#uses = uses;
    sql.exec(`CREATE TABLE IF NOT EXISTS door_keys (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      network TEXT NOT NULL,
      hostname TEXT NOT NULL,
      hash TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) WITHOUT ROWID`);
    sql.exec("CREATE INDEX IF NOT EXISTS door_keys_by_hostname ON door_keys (hostname)");
  }

  /** Stores a key. */
  add(key: DoorKeyRecord): DoorKey {
    const { id, name, network, hostname, hash, createdAt } = key;
    this.#sql.exec(
      "INSERT INTO door_keys (id, name, network, hostname, hash, created_at) VALUES (?, ?, ?, ?, ?, ?)",
      ...[id, name, network, hostname, hash, Date.parse(createdAt)],
    );
    return this.#describe({ id, name, network, hostname, hash, created_at: Date.parse(createdAt) });
  }

  /** The keys of a network, oldest first. */
  list(network: string): DoorKey[] {
    return this.#rows("SELECT * FROM door_keys WHERE network = ? ORDER BY created_at, id", network).map(
      (row) => this.#describe(row),
    );
  }

  /** Deletes a key of a network. Returns the key; null when the network has no such key. */
  delete(id: string, network: string): DoorKey | null {
    const [row] = this.#rows("SELECT * FROM door_keys WHERE id = ? AND network = ?", id, network);
    if (row === undefined) return null;
    const key = this.#describe(row);
    this.#sql.exec("DELETE FROM door_keys WHERE id = ?", id);
    this.#uses.forget(id);
    return key;
  }

  /** Deletes the keys of a network, or those whose hostname `isGone` selects. */
  deleteOf(network: string, isGone: (hostname: string) => boolean = () => true): void {
    for (const { id, hostname } of this.list(network)) if (isGone(hostname)) this.delete(id, network);
  }

  /**
   * The key of a network and hostname with this hash; null without any. The use is noted. Each key of the hostname is
   * compared in constant time.
   * @param now ms since 1970
   */
  use(network: string, hostname: string, hash: string, now: number): DoorKey | null {
    let found: Row | null = null;
    const query = "SELECT * FROM door_keys WHERE hostname = ? AND network = ?";
    for (const row of this.#rows(query, hostname, network)) {
      if (equalBytes(encoder.encode(row.hash), encoder.encode(hash))) found = row;
    }
    if (found === null) return null;
    this.#uses.note(found.id, now);
    return this.#describe(found);
  }

  /** All keys, as a backup has them. */
  dump(): DoorKeyRecord[] {
    return this.#rows("SELECT * FROM door_keys ORDER BY created_at, id").map((row) => ({
      ...this.#describe(row),
      network: row.network,
      hash: row.hash,
    }));
  }

  /** Replaces all keys, without their last uses. */
  restore(keys: readonly DoorKeyRecord[]): void {
    this.#sql.exec("DELETE FROM door_keys");
    for (const key of keys) this.add(key);
  }

  #rows(query: string, ...values: string[]): Row[] {
    return this.#sql.exec<Row>(query, ...values).toArray();
  }

  #describe({ id, name, hostname, created_at }: Row): DoorKey {
    const createdAt = new Date(created_at).toISOString();
    return { id, name, hostname, createdAt, lastUsedAt: this.#uses.lastOf(id) };
  }
}
