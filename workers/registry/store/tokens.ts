/** The tables of tokens and of redemptions. */
import { blob, bytes, number, optional, type Row, type Sql, text, time } from "./sql.ts";

export interface TokenRow {
  id: string;
  issuer: string;
  secretHash: Uint8Array<ArrayBuffer>;
  uses: number;
  used: number;
  createdAt: number;
  expiresAt: number;
  revokedAt: number | null;
  /** The only site that the token admits, without a link; null: any site. */
  site: string | null;
}

/** The result of a redemption. */
export interface Redemption {
  site: string;
  /** Null if the token admits without a link. */
  link: string | null;
  serial: string;
}

export class Tokens {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  #token(row: Row): TokenRow {
    return {
      id: text(row, "id"),
      issuer: text(row, "issuer"),
      secretHash: bytes(row, "secret_hash"),
      uses: number(row, "uses"),
      used: number(row, "used"),
      createdAt: number(row, "created_at"),
      expiresAt: number(row, "expires_at"),
      revokedAt: time(row, "revoked_at"),
      site: optional(row, "site") ?? null,
    };
  }

  /** All tokens, oldest first. */
  all(): TokenRow[] {
    return this.#sql.rows("SELECT * FROM tokens ORDER BY created_at, id").map((row) => this.#token(row));
  }

  get(id: string): TokenRow | null {
    const row = this.#sql.row("SELECT * FROM tokens WHERE id = ?", id);
    return row && this.#token(row);
  }

  put(token: TokenRow): void {
    this.#sql.write(
      [],
      `INSERT INTO tokens (id, issuer, secret_hash, uses, used, created_at, expires_at, revoked_at, site)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      token.id,
      token.issuer,
      blob(token.secretHash),
      token.uses,
      token.used,
      token.createdAt,
      token.expiresAt,
      token.revokedAt,
      token.site,
    );
  }

  /** Tokens that still admit a site: all, or those of an issuer. */
  good(now: number, issuer: string | null = null): TokenRow[] {
    return this.#sql
      .rows(
        `SELECT * FROM tokens WHERE revoked_at IS NULL AND expires_at > ? AND used < uses
          AND (? IS NULL OR issuer = ?) ORDER BY created_at, id`,
        now,
        issuer,
        issuer,
      )
      .map((row) => this.#token(row));
  }

  /** Number of tokens that still admit a site. */
  countGood(now: number): number {
    const statement =
      "SELECT count(*) AS count FROM tokens WHERE revoked_at IS NULL AND expires_at > ? AND used < uses";
    const row = this.#sql.row(statement, now);
    return row ? number(row, "count") : 0;
  }

  revoke(id: string, at: number): void {
    this.#sql.write([], "UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", at, id);
  }

  /** Deletes tokens that ended at or before `time`, and their redemptions. */
  prune(time: number): void {
    const ended = "SELECT id FROM tokens WHERE expires_at <= ? OR revoked_at <= ?";
    for (const row of this.#sql.rows(ended, time, time)) {
      const id = text(row, "id");
      this.#sql.write([], "DELETE FROM redemptions WHERE token = ?", id);
      this.#sql.write([], "DELETE FROM tokens WHERE id = ?", id);
    }
  }

  redemption(token: string, keyHash: string): Redemption | null {
    const row = this.#sql.row("SELECT * FROM redemptions WHERE token = ? AND key_hash = ?", token, keyHash);
    return (
      row && {
        site: text(row, "site"),
        link: optional(row, "link") ?? null,
        serial: text(row, "serial"),
      }
    );
  }

  /**
   * Stores a redemption and counts one use. Replaces an earlier redemption by the same key, whose link is
   * gone.
   */
  putRedemption(token: string, keyHash: string, redemption: Redemption, at: number): void {
    this.#sql.write(
      [],
      `INSERT OR REPLACE INTO redemptions (token, key_hash, site, link, serial, at)
        VALUES (?, ?, ?, ?, ?, ?)`,
      token,
      keyHash,
      redemption.site,
      redemption.link,
      redemption.serial,
      at,
    );
    this.#sql.write([], "UPDATE tokens SET used = used + 1 WHERE id = ?", token);
  }
}
