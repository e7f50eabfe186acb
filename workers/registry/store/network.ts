/** The tables of the network's own row and of its issuers. */
import { SetQuotas } from "../../../protocol/api/quotas.ts";
import { KeyedMemo, Memo } from "./mutations.ts";
import { blob, bytes, number, optional, type Sql, text, time } from "./sql.ts";

export interface NetworkRow {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly certificate: Uint8Array<ArrayBuffer>;
  readonly sealedKey: Uint8Array<ArrayBuffer>;
}

export interface IssuerRow {
  id: string;
  certificate: Uint8Array<ArrayBuffer>;
  sealedKey: Uint8Array<ArrayBuffer>;
}

export class NetworkTable {
  readonly #sql: Sql;
  readonly #row: Memo<NetworkRow | null>;
  readonly #quotas: Memo<SetQuotas>;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#row = new Memo(sql.mutations, ["network"], () => this.#read());
    this.#quotas = new Memo(sql.mutations, ["network"], () => this.#readQuotas());
  }

  get(): NetworkRow | null {
    return this.#row.value;
  }

  #read(): NetworkRow | null {
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
    this.#sql.write(
      ["network"],
      `INSERT INTO network (id, name, created_at, ca_certificate, ca_key_sealed, quotas)
        VALUES (?, ?, ?, ?, ?, NULL)`,
      network.id,
      network.name,
      network.createdAt,
      blob(network.certificate),
      blob(network.sealedKey),
    );
  }

  /** Replaces the network CA's certificate by a renewed one for the same key. */
  setCertificate(certificate: Uint8Array<ArrayBuffer>): void {
    this.#sql.write(["network"], "UPDATE network SET ca_certificate = ?", blob(certificate));
  }

  /** When the network was restored from a backup, ms since 1970; null if never. */
  restoredAt(): number | null {
    const row = this.#sql.row("SELECT restored_at FROM network");
    return row && time(row, "restored_at");
  }

  /** When the network began here: at its creation or its restoration, ms since 1970. */
  began(): number {
    return this.restoredAt() ?? this.get()?.createdAt ?? 0;
  }

  setRestoredAt(at: number): void {
    this.#sql.write(["network"], "UPDATE network SET restored_at = ?", at);
  }

  /** The quotas that were set explicitly. */
  quotas(): SetQuotas {
    return this.#quotas.value;
  }

  #readQuotas(): SetQuotas {
    const row = this.#sql.row("SELECT quotas FROM network");
    const set = row && optional(row, "quotas");
    return SetQuotas.parse(set ? JSON.parse(set) : {});
  }

  setQuotas(quotas: SetQuotas): void {
    this.#sql.write(["network"], "UPDATE network SET quotas = ?", JSON.stringify(quotas));
  }
}

export class Issuers {
  readonly #sql: Sql;
  readonly #rows: KeyedMemo<IssuerRow | null>;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#rows = new KeyedMemo(sql.mutations, "issuers", (id) => this.#read(id));
  }

  get(id: string): IssuerRow | null {
    return this.#rows.get(id);
  }

  #read(id: string): IssuerRow | null {
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
    this.#sql.write(
      [["issuers", issuer.id]],
      "INSERT OR REPLACE INTO issuers (id, certificate, key_sealed, created_at) VALUES (?, ?, ?, ?)",
      issuer.id,
      blob(issuer.certificate),
      blob(issuer.sealedKey),
      now,
    );
  }

  all(): string[] {
    return this.#sql.rows("SELECT id FROM issuers ORDER BY id").map((row) => text(row, "id"));
  }

  delete(id: string): void {
    this.#sql.write([["issuers", id]], "DELETE FROM issuers WHERE id = ?", id);
  }
}
