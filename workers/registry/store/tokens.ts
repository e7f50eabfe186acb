/** Tokens, and who redeemed them. */
import { blob, bytes, number, type Row, type Sql, text, time } from "./sql.ts";

export interface TokenRow {
  id: string;
  issuer: string;
  secretHash: Uint8Array<ArrayBuffer>;
  uses: number;
  used: number;
  createdAt: number;
  expiresAt: number;
  revokedAt: number | null;
}

/** What a redemption gave. */
export interface Redemption {
  site: string;
  link: string;
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
    };
  }

  /** Oldest first. */
  all(): TokenRow[] {
    return this.#sql.rows("SELECT * FROM tokens ORDER BY created_at, id").map((row) => this.#token(row));
  }

  get(id: string): TokenRow | null {
    const row = this.#sql.row("SELECT * FROM tokens WHERE id = ?", id);
    return row && this.#token(row);
  }

  put(token: TokenRow): void {
    this.#sql.run(
      "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
      token.id,
      token.issuer,
      blob(token.secretHash),
      token.uses,
      token.used,
      token.createdAt,
      token.expiresAt,
    );
  }

  revoke(id: string, at: number): void {
    this.#sql.run("UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", at, id);
  }

  redemption(token: string, keyHash: string): Redemption | null {
    const row = this.#sql.row("SELECT * FROM redemptions WHERE token = ? AND key_hash = ?", token, keyHash);
    return row && { site: text(row, "site"), link: text(row, "link"), serial: text(row, "serial") };
  }

  /** Notes a redemption, which takes one use. */
  putRedemption(token: string, keyHash: string, redemption: Redemption, at: number): void {
    this.#sql.run(
      "INSERT INTO redemptions VALUES (?, ?, ?, ?, ?, ?)",
      token,
      keyHash,
      redemption.site,
      redemption.link,
      redemption.serial,
      at,
    );
    this.#sql.run("UPDATE tokens SET used = used + 1 WHERE id = ?", token);
  }
}
