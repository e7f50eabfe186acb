/**
 * The registry's tables, as a numbered list of migrations. A released migration is never edited: a change is
 * the next number. docs/storage.md describes every table and column.
 */

import { FairleadError } from "../../../protocol/errors.ts";
import { type MigrationNumber, NEWEST_MIGRATION } from "../../../protocol/storage.ts";

export interface Migration {
  readonly number: MigrationNumber;
  readonly name: string;
  readonly statements: readonly string[];
}

export const MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    name: "first tables",
    statements: [
      `CREATE TABLE network (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at INTEGER NOT NULL,
        ca_certificate BLOB NOT NULL, ca_key_sealed BLOB NOT NULL)`,
      `CREATE TABLE issuers (
        id TEXT PRIMARY KEY, certificate BLOB NOT NULL, key_sealed BLOB NOT NULL, created_at INTEGER NOT NULL)`,
      `CREATE TABLE sites (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, public_key BLOB NOT NULL, key_hash TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL, since INTEGER NOT NULL, created_at INTEGER NOT NULL)`,
      `CREATE TABLE certificates (
        serial TEXT PRIMARY KEY, site TEXT NOT NULL, certificate BLOB NOT NULL, not_after INTEGER NOT NULL,
        revoked_at INTEGER)`,
      "CREATE INDEX certificates_by_site ON certificates (site, not_after)",
      `CREATE TABLE tokens (
        id TEXT PRIMARY KEY, issuer TEXT NOT NULL, secret_hash BLOB NOT NULL, uses INTEGER NOT NULL,
        used INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, revoked_at INTEGER)`,
      `CREATE TABLE redemptions (
        token TEXT NOT NULL, key_hash TEXT NOT NULL, site TEXT NOT NULL, link TEXT NOT NULL, serial TEXT NOT NULL,
        at INTEGER NOT NULL, PRIMARY KEY (token, key_hash))`,
      `CREATE TABLE links (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, joiner TEXT NOT NULL, issuer TEXT NOT NULL, cost INTEGER NOT NULL,
        certificate BLOB NOT NULL, created_at INTEGER NOT NULL, UNIQUE (joiner, name))`,
      `CREATE TABLE offers (
        site TEXT NOT NULL, boot TEXT NOT NULL, service TEXT NOT NULL, protocol TEXT NOT NULL, port INTEGER NOT NULL,
        since INTEGER NOT NULL, lost_at INTEGER, PRIMARY KEY (service, boot))`,
      `CREATE TABLE listeners (
        site TEXT NOT NULL, boot TEXT NOT NULL, service TEXT NOT NULL, address TEXT NOT NULL, state TEXT NOT NULL,
        code TEXT, message TEXT, PRIMARY KEY (boot, service))`,
      `CREATE TABLE sessions (
        boot_a TEXT NOT NULL, boot_b TEXT NOT NULL, site_a TEXT NOT NULL, site_b TEXT NOT NULL, id TEXT NOT NULL,
        generation INTEGER NOT NULL, granted_at INTEGER NOT NULL, PRIMARY KEY (boot_a, boot_b))`,
      "CREATE TABLE pairs (site_a TEXT NOT NULL, site_b TEXT NOT NULL, PRIMARY KEY (site_a, site_b))",
      `CREATE TABLE assertions (
        site TEXT NOT NULL, boot TEXT NOT NULL, purpose TEXT NOT NULL, counter INTEGER NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (site, boot, purpose))`,
      `CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, type TEXT NOT NULL, site TEXT, text TEXT NOT NULL,
        code TEXT, actor TEXT NOT NULL)`,
    ],
  },
  {
    number: 2,
    name: "sessions outlive their lanes",
    statements: [
      "ALTER TABLE offers ADD COLUMN encryption TEXT NOT NULL DEFAULT 'end-to-end'",
      // SQLite cannot change a primary key.
      `CREATE TABLE sessions_by_mode (
        boot_a TEXT NOT NULL, boot_b TEXT NOT NULL, encryption TEXT NOT NULL, site_a TEXT NOT NULL,
        site_b TEXT NOT NULL, id TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL, lanes INTEGER NOT NULL,
        granted_at INTEGER NOT NULL, away_since INTEGER, PRIMARY KEY (boot_a, boot_b, encryption))`,
      `INSERT INTO sessions_by_mode
        SELECT boot_a, boot_b, 'end-to-end', site_a, site_b, id, generation, 1, granted_at, NULL FROM sessions`,
      "DROP TABLE sessions",
      "ALTER TABLE sessions_by_mode RENAME TO sessions",
      "CREATE TABLE cuts (session TEXT PRIMARY KEY, code TEXT NOT NULL, at INTEGER NOT NULL)",
    ],
  },
  {
    number: 3,
    name: "access that can be narrowed and revoked",
    statements: [
      "ALTER TABLE network ADD COLUMN quotas TEXT",
      "ALTER TABLE network ADD COLUMN restored_at INTEGER",
      "ALTER TABLE tokens ADD COLUMN site TEXT",
      "ALTER TABLE links ADD COLUMN revoked_at INTEGER",
      "CREATE INDEX links_by_issuer ON links (issuer)",
      "ALTER TABLE offers ADD COLUMN to_sites TEXT",
      "ALTER TABLE offers ADD COLUMN refused TEXT",
      // SQLite cannot drop a NOT NULL. A site that was created by name has no key and no link yet.
      `CREATE TABLE members (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, public_key BLOB, key_hash TEXT UNIQUE, state TEXT NOT NULL,
        since INTEGER NOT NULL, created_at INTEGER NOT NULL, may_offer TEXT)`,
      `INSERT INTO members
        SELECT id, name, public_key, key_hash, state, since, created_at, NULL FROM sites`,
      "DROP TABLE sites",
      "ALTER TABLE members RENAME TO sites",
      `CREATE TABLE uses (
        token TEXT NOT NULL, key_hash TEXT NOT NULL, site TEXT NOT NULL, link TEXT, serial TEXT NOT NULL,
        at INTEGER NOT NULL, PRIMARY KEY (token, key_hash))`,
      "INSERT INTO uses SELECT token, key_hash, site, link, serial, at FROM redemptions",
      "DROP TABLE redemptions",
      "ALTER TABLE uses RENAME TO redemptions",
      "CREATE INDEX offers_by_boot ON offers (boot)",
      "CREATE INDEX clocks ON events (site, id) WHERE type = 'site.clock'",
      "ALTER TABLE events ADD COLUMN refusal INTEGER NOT NULL DEFAULT 0",
      "ALTER TABLE events ADD COLUMN place INTEGER NOT NULL DEFAULT 0",
      "UPDATE events SET refusal = type IN ('token.refused', 'uplink.refused'), place = id",
      "CREATE INDEX events_by_share ON events (refusal, place)",
    ],
  },
  {
    number: 4,
    name: "instances are known by their site and boot id",
    statements: [
      `CREATE TABLE offers_by_instance (
        site TEXT NOT NULL, boot TEXT NOT NULL, service TEXT NOT NULL, protocol TEXT NOT NULL, port INTEGER NOT NULL,
        since INTEGER NOT NULL, lost_at INTEGER, encryption TEXT NOT NULL DEFAULT 'end-to-end', to_sites TEXT,
        refused TEXT,
        PRIMARY KEY (site, boot, service))`,
      `INSERT INTO offers_by_instance
        SELECT site, boot, service, protocol, port, since, lost_at, encryption, to_sites, refused FROM offers`,
      "DROP TABLE offers",
      "ALTER TABLE offers_by_instance RENAME TO offers",
      `CREATE TABLE listeners_by_instance (
        site TEXT NOT NULL, boot TEXT NOT NULL, service TEXT NOT NULL, address TEXT NOT NULL, state TEXT NOT NULL,
        code TEXT, message TEXT, PRIMARY KEY (site, boot, service))`,
      `INSERT INTO listeners_by_instance
        SELECT site, boot, service, address, state, code, message FROM listeners`,
      "DROP TABLE listeners",
      "ALTER TABLE listeners_by_instance RENAME TO listeners",
      `CREATE TABLE sessions_by_instance (
        site_a TEXT NOT NULL, boot_a TEXT NOT NULL, site_b TEXT NOT NULL, boot_b TEXT NOT NULL,
        encryption TEXT NOT NULL, id TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL, lanes INTEGER NOT NULL,
        granted_at INTEGER NOT NULL, away_since INTEGER,
        PRIMARY KEY (site_a, boot_a, site_b, boot_b, encryption))`,
      `INSERT INTO sessions_by_instance
        SELECT site_a, boot_a, site_b, boot_b, encryption, id, generation, lanes, granted_at, away_since
        FROM sessions`,
      "DROP TABLE sessions",
      "ALTER TABLE sessions_by_instance RENAME TO sessions",
      "CREATE INDEX sessions_by_b ON sessions (site_b, boot_b)",
      // Cuts are kept for minutes only. A cut session without a row is unknown, which ends it as well.
      "DROP TABLE cuts",
      `CREATE TABLE cuts (
        session TEXT PRIMARY KEY, site_a TEXT NOT NULL, boot_a TEXT NOT NULL, site_b TEXT NOT NULL,
        boot_b TEXT NOT NULL, code TEXT NOT NULL, at INTEGER NOT NULL)`,
    ],
  },
  {
    number: 5,
    name: "bans of sites that flood",
    statements: [
      "CREATE TABLE bans (site TEXT PRIMARY KEY, until INTEGER NOT NULL, strikes INTEGER NOT NULL)",
    ],
  },
  {
    number: 6,
    name: "shares of the event log",
    statements: [
      "ALTER TABLE events ADD COLUMN share TEXT NOT NULL DEFAULT 'edge'",
      "ALTER TABLE events ADD COLUMN count INTEGER NOT NULL DEFAULT 1",
      "ALTER TABLE events ADD COLUMN since INTEGER NOT NULL DEFAULT 0",
      "UPDATE events SET since = at, share = CASE refusal WHEN 1 THEN 'strangers' ELSE 'edge' END",
      "DROP INDEX events_by_share",
      "ALTER TABLE events DROP COLUMN refusal",
      "CREATE INDEX events_by_share ON events (share, place)",
      "CREATE INDEX events_by_type ON events (share, type, id)",
      "CREATE TABLE event_shares (share TEXT PRIMARY KEY, kept INTEGER NOT NULL)",
      "CREATE INDEX event_shares_by_size ON event_shares (kept)",
      "INSERT INTO event_shares VALUES ('edge', 0), ('strangers', 0), ('sites', 0)",
      `INSERT INTO event_shares SELECT share, count(*) FROM events WHERE true GROUP BY share
        ON CONFLICT (share) DO UPDATE SET kept = excluded.kept`,
      `CREATE TRIGGER event_added AFTER INSERT ON events BEGIN
        INSERT INTO event_shares VALUES (NEW.share, 1) ON CONFLICT (share) DO UPDATE SET kept = kept + 1;
        UPDATE event_shares SET kept = kept + 1 WHERE share = 'sites' AND NEW.share NOT IN ('edge', 'strangers');
      END`,
      `CREATE TRIGGER event_dropped AFTER DELETE ON events BEGIN
        UPDATE event_shares SET kept = kept - 1 WHERE share = OLD.share;
        UPDATE event_shares SET kept = kept - 1 WHERE share = 'sites' AND OLD.share NOT IN ('edge', 'strangers');
        DELETE FROM event_shares WHERE share = OLD.share AND kept = 0 AND share NOT IN ('edge', 'strangers');
      END`,
    ],
  },
  {
    number: 7,
    name: "departures of instances",
    statements: [
      `CREATE TABLE departures (site TEXT NOT NULL, boot TEXT NOT NULL, at INTEGER NOT NULL,
        grace INTEGER NOT NULL, PRIMARY KEY (site, boot))`,
      "CREATE INDEX departures_by_time ON departures (at)",
    ],
  },
  {
    number: 8,
    name: "ports of services",
    statements: [
      "ALTER TABLE offers ADD COLUMN ports TEXT",
      "ALTER TABLE offers ADD COLUMN service_ports TEXT",
      // Offers of one service had ports of their own. The oldest defined what most sites saw.
      `UPDATE offers SET service_ports = (
        SELECT json_array(json_object('port', first.port)) FROM offers AS first
        WHERE first.service = offers.service AND first.refused IS NULL
        ORDER BY first.since, first.boot, first.site LIMIT 1)
        WHERE refused IS NULL`,
    ],
  },
  {
    number: 9,
    name: "several ports and balance of services",
    statements: [
      "ALTER TABLE offers ADD COLUMN routing TEXT",
      `CREATE TABLE balances (
        service TEXT PRIMARY KEY, mode TEXT NOT NULL, sites TEXT NOT NULL, weights TEXT NOT NULL,
        set_at INTEGER NOT NULL)`,
      `CREATE TABLE listeners_by_port (
        site TEXT NOT NULL, boot TEXT NOT NULL, service TEXT NOT NULL, port INTEGER NOT NULL, address TEXT NOT NULL,
        state TEXT NOT NULL, code TEXT, message TEXT, PRIMARY KEY (site, boot, service, port))`,
      `INSERT INTO listeners_by_port
        SELECT site, boot, service, 0, address, state, code, message FROM listeners`,
      "DROP TABLE listeners",
      "ALTER TABLE listeners_by_port RENAME TO listeners",
    ],
  },
  {
    number: 10,
    name: "times of targets and listeners that fail",
    statements: [
      "ALTER TABLE offers ADD COLUMN down_code TEXT",
      "ALTER TABLE offers ADD COLUMN down_since INTEGER",
      "ALTER TABLE listeners ADD COLUMN since INTEGER",
    ],
  },
  {
    number: 11,
    name: "exported services and offers that stay",
    statements: [
      "ALTER TABLE offers ADD COLUMN details TEXT",
      "ALTER TABLE offers ADD COLUMN stays INTEGER",
      "ALTER TABLE offers ADD COLUMN away_at INTEGER",
    ],
  },
];

/** The pending migrations of a database, in order. `applied` is its highest number, 0 if new. */
export function pendingMigrations(
  applied: number,
  all: readonly Migration[] = MIGRATIONS,
): readonly Migration[] {
  return all.filter((migration) => migration.number > applied);
}

/** Whether a database has been migrated. Others stay empty, so that their objects leave no trace. */
export function hasTables(storage: DurableObjectStorage): boolean {
  return storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'migrations'").toArray().length > 0;
}

/** The number of a database's last migration; 0 for a database without migrations. */
function appliedMigration(storage: DurableObjectStorage): number {
  return storage.sql
    .exec<{ number: number }>("SELECT coalesce(max(number), 0) AS number FROM migrations")
    .one().number;
}

/**
 * Checks that this version can read a migrated database.
 * @throws FairleadError state.corrupt when a newer version has migrated it
 */
export function checkMigrations(storage: DurableObjectStorage): void {
  const applied = appliedMigration(storage);
  if (applied <= NEWEST_MIGRATION) return;
  throw new FairleadError(
    "state.corrupt",
    `The network's database is of a newer version of Fairlead: its migration is ${applied}, and this edge knows ${NEWEST_MIGRATION}.`,
    {
      action: "Run the version of Fairlead that ran this edge last, or a later version, or restore a backup.",
    },
  );
}

/**
 * Migrates a database, completely or not at all.
 * @param last the migration to stop at, for data of an older version
 */
export function migrate(
  storage: DurableObjectStorage,
  now: number,
  last: number = Number.POSITIVE_INFINITY,
): void {
  storage.transactionSync(() => {
    storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, at INTEGER NOT NULL)",
    );
    const applied = appliedMigration(storage);
    for (const migration of pendingMigrations(applied)) {
      if (migration.number > last) break;
      for (const statement of migration.statements) storage.sql.exec(statement);
      storage.sql.exec("INSERT INTO migrations VALUES (?, ?, ?)", migration.number, migration.name, now);
    }
  });
}
