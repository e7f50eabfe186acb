/** The tables of sites, of their certificates, and of assertion counters. */
import type { Purpose } from "../../../protocol/uplink/assertions.ts";
import { KeyedMemo, Memo } from "./mutations.ts";
import {
  blob,
  bytes,
  list,
  listText,
  number,
  optional,
  optionalBytes,
  type Row,
  type Sql,
  TEXT_PARAMETER,
  text,
  time,
} from "./sql.ts";

/** Retention of an assertion's last counter, ms: longer than any assertion is valid. */
const ASSERTION_MEMORY_MS = 10 * 60_000;
/** Interval of deleting older counters, ms. No index covers them. */
const PRUNE_MS = 60_000;

/**
 * `new` was created by name and has not joined. Only such a site, or one revoked in that state, has no key. The
 * last connector of a `stopped` site said bye; a site that is `down` lost its last uplink.
 */
export type SiteRowState = "new" | "up" | "down" | "stopped" | "revoked";

export interface SiteRow {
  readonly id: string;
  readonly name: string;
  readonly publicKey: Uint8Array<ArrayBuffer> | null;
  readonly keyHash: string | null;
  readonly state: SiteRowState;
  readonly since: number;
  readonly createdAt: number;
  /** Name patterns of what the site may offer; null: any name. */
  readonly mayOffer: string[] | null;
}

/** A site that has joined. */
export interface MemberRow extends SiteRow {
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly keyHash: string;
}

export function hasJoined(site: SiteRow): site is MemberRow {
  return site.publicKey !== null && site.keyHash !== null;
}

export interface CertificateRow {
  serial: string;
  site: string;
  certificate: Uint8Array<ArrayBuffer>;
  notAfter: number;
  revokedAt: number | null;
}

export class Sites {
  readonly #sql: Sql;
  readonly #rows: KeyedMemo<SiteRow | null>;
  readonly #names: Memo<ReadonlyMap<string, string>>;
  readonly #patterns: Memo<ReadonlyMap<string, readonly string[]>>;
  readonly #count: Memo<number>;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#rows = new KeyedMemo(sql.mutations, "sites", (id) => this.#read(id));
    this.#names = new Memo(sql.mutations, ["names"], (before) => {
      const names = this.#readNames();
      const same = before?.size === names.size && [...names].every(([id, name]) => before.get(id) === name);
      return same ? before : names;
    });
    this.#patterns = new Memo<ReadonlyMap<string, readonly string[]>>(sql.mutations, ["patterns"], () =>
      this.#readPatterns(),
    );
    // A site that is made or removed changes the names, one that is revoked the graph.
    this.#count = new Memo(sql.mutations, ["names", "graph"], () => this.#readCount());
  }

  #site(row: Row): SiteRow {
    return {
      id: text(row, "id"),
      name: text(row, "name"),
      publicKey: optionalBytes(row, "public_key"),
      keyHash: optional(row, "key_hash") ?? null,
      state: text(row, "state") as SiteRowState,
      since: number(row, "since"),
      createdAt: number(row, "created_at"),
      mayOffer: list(row, "may_offer"),
    };
  }

  /** All sites, by name. */
  all(): SiteRow[] {
    return this.#sql.rows("SELECT * FROM sites ORDER BY name").map((row) => this.#site(row));
  }

  /** Names of all sites, by id. The same map while its contents are equal. */
  names(): ReadonlyMap<string, string> {
    return this.#names.value;
  }

  #readNames(): Map<string, string> {
    return new Map(
      this.#sql.rows("SELECT id, name FROM sites").map((row) => [text(row, "id"), text(row, "name")]),
    );
  }

  /**
   * What sites may offer, by id. Sites that may offer any name are absent. The same map until a pattern
   * changes.
   */
  patterns(): ReadonlyMap<string, readonly string[]> {
    return this.#patterns.value;
  }

  #readPatterns(): Map<string, readonly string[]> {
    const rows = this.#sql.rows("SELECT id, may_offer FROM sites WHERE may_offer IS NOT NULL");
    return new Map(rows.map((row) => [text(row, "id"), list(row, "may_offer") ?? []]));
  }

  /** Number of sites that are not revoked, joined or not. */
  count(): number {
    return this.#count.value;
  }

  #readCount(): number {
    const row = this.#sql.row("SELECT count(*) AS count FROM sites WHERE state != 'revoked'");
    return row ? number(row, "count") : 0;
  }

  get(id: string): SiteRow | null {
    return this.#rows.get(id);
  }

  #read(id: string): SiteRow | null {
    const row = this.#sql.row("SELECT * FROM sites WHERE id = ?", id);
    return row && this.#site(row);
  }

  named(name: string): SiteRow | null {
    const row = this.#sql.row("SELECT * FROM sites WHERE name = ?", name);
    return row && this.#site(row);
  }

  withKey(keyHash: string): SiteRow | null {
    const row = this.#sql.row("SELECT * FROM sites WHERE key_hash = ?", keyHash);
    return row && this.#site(row);
  }

  put(site: SiteRow): void {
    this.#sql.write(
      [["sites", site.id], "names", "patterns"],
      `INSERT INTO sites (id, name, public_key, key_hash, state, since, created_at, may_offer)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      site.id,
      site.name,
      site.publicKey && blob(site.publicKey),
      site.keyHash,
      site.state,
      site.since,
      site.createdAt,
      listText(site.mayOffer),
    );
  }

  /** Stores the key of a site that was created by name. */
  setKey(id: string, publicKey: Uint8Array<ArrayBuffer>, keyHash: string): void {
    this.#sql.write(
      [["sites", id]],
      "UPDATE sites SET public_key = ?, key_hash = ? WHERE id = ?",
      blob(publicKey),
      keyHash,
      id,
    );
  }

  setName(id: string, name: string): void {
    this.#sql.write(
      [["sites", id], ["offers", id], "names"],
      "UPDATE sites SET name = ? WHERE id = ?",
      name,
      id,
    );
  }

  setMayOffer(id: string, patterns: readonly string[] | null): void {
    this.#sql.write(
      [["sites", id], "patterns"],
      "UPDATE sites SET may_offer = ? WHERE id = ?",
      listText(patterns),
      id,
    );
  }

  /** Sets the state of a site. A revoked site stays revoked: the link graph depends on it. */
  setState(id: string, state: "up" | "down" | "stopped", since: number): void {
    this.#sql.write(
      [["sites", id]],
      "UPDATE sites SET state = ?, since = ? WHERE id = ? AND state <> 'revoked'",
      state,
      since,
      id,
    );
  }

  /** Revokes a site. Its links leave the graph, and its offers leave the snapshot. */
  revoke(id: string, since: number): void {
    const changes = [["sites", id], ["offers", id], "graph"] as const;
    this.#sql.write(changes, "UPDATE sites SET state = 'revoked', since = ? WHERE id = ?", since, id);
  }
}

export class Certificates {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  #certificate(row: Row): CertificateRow {
    return {
      serial: text(row, "serial"),
      site: text(row, "site"),
      certificate: bytes(row, "certificate"),
      notAfter: number(row, "not_after"),
      revokedAt: time(row, "revoked_at"),
    };
  }

  get(serial: string): CertificateRow | null {
    const row = this.#sql.row("SELECT * FROM certificates WHERE serial = ?", serial);
    return row && this.#certificate(row);
  }

  newestOf(site: string): CertificateRow | null {
    const row = this.#sql.row(
      `SELECT * FROM certificates WHERE site = ${TEXT_PARAMETER} ORDER BY not_after DESC LIMIT 1`,
      site,
    );
    return row && this.#certificate(row);
  }

  /** Stores the certificate of a site, not revoked. */
  put(
    site: string,
    { serial, certificate, notAfter }: Pick<CertificateRow, "serial" | "certificate" | "notAfter">,
  ): void {
    this.#sql.write(
      [["certificates", site]],
      "INSERT INTO certificates VALUES (?, ?, ?, ?, NULL)",
      serial,
      site,
      blob(certificate),
      notAfter,
    );
  }

  revokeOf(site: string, at: number): void {
    this.#sql.write(
      [],
      "UPDATE certificates SET revoked_at = ? WHERE site = ? AND revoked_at IS NULL",
      at,
      site,
    );
  }

  /** Deletes certificates that ended before `time`, too long ago for a renewal. */
  prune(time: number): void {
    this.#sql.write([], "DELETE FROM certificates WHERE not_after < ?", time);
  }
}

export class Assertions {
  readonly #sql: Sql;
  /** When old counters were last deleted, ms. */
  #prunedAt = Number.NEGATIVE_INFINITY;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /**
   * Stores a counter. Returns false for a replay: this or a later counter of the process and purpose is
   * stored.
   */
  note(site: string, boot: string, purpose: Purpose, counter: number, now: number): boolean {
    if (now - this.#prunedAt >= PRUNE_MS || now < this.#prunedAt) {
      this.#sql.write([], "DELETE FROM assertions WHERE at < ?", now - ASSERTION_MEMORY_MS);
      this.#prunedAt = now;
    }
    const noted = this.#sql.write(
      [],
      `INSERT INTO assertions (site, boot, purpose, counter, at) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (site, boot, purpose) DO UPDATE SET counter = excluded.counter, at = excluded.at
        WHERE excluded.counter > counter RETURNING 1`,
      site,
      boot,
      purpose,
      counter,
      now,
    );
    return noted.length > 0;
  }
}
