/** The network's own row, and the CAs of its issuers of tokens. */
import { blob, bytes, number, type Sql, text } from "./sql.ts";

export interface NetworkRow {
  id: string;
  name: string;
  createdAt: number;
  certificate: Uint8Array<ArrayBuffer>;
  sealedKey: Uint8Array<ArrayBuffer>;
}

export interface IssuerRow {
  id: string;
  certificate: Uint8Array<ArrayBuffer>;
  sealedKey: Uint8Array<ArrayBuffer>;
}

export class NetworkTable {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  get(): NetworkRow | null {
    const row = this.#sql.row("SELECT * FROM network");
    return (
      row && {
        id: text(row, "id"),
        name: text(row, "name"),
        createdAt: number(row, "created_at"),
        certificate: bytes(row, "ca_certificate"),
        sealedKey: bytes(row, "ca_key_sealed"),
      }
    );
  }

  put(network: NetworkRow): void {
    this.#sql.run(
      "INSERT INTO network VALUES (?, ?, ?, ?, ?)",
      network.id,
      network.name,
      network.createdAt,
      blob(network.certificate),
      blob(network.sealedKey),
    );
  }
}

export class Issuers {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  get(id: string): IssuerRow | null {
    const row = this.#sql.row("SELECT * FROM issuers WHERE id = ?", id);
    return (
      row && {
        id: text(row, "id"),
        certificate: bytes(row, "certificate"),
        sealedKey: bytes(row, "key_sealed"),
      }
    );
  }

  put(issuer: IssuerRow, now: number): void {
    this.#sql.run(
      "INSERT OR REPLACE INTO issuers VALUES (?, ?, ?, ?)",
      issuer.id,
      blob(issuer.certificate),
      blob(issuer.sealedKey),
      now,
    );
  }
}
