/** Links. */
import type { Edge } from "../reachability.ts";
import { blob, bytes, number, type Row, type Sql, text } from "./sql.ts";

export interface LinkRow {
  id: string;
  name: string;
  joiner: string;
  issuer: string;
  cost: number;
  certificate: Uint8Array<ArrayBuffer>;
  createdAt: number;
}

export class Links {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  #link(row: Row): LinkRow {
    return {
      id: text(row, "id"),
      name: text(row, "name"),
      joiner: text(row, "joiner"),
      issuer: text(row, "issuer"),
      cost: number(row, "cost"),
      certificate: bytes(row, "certificate"),
      createdAt: number(row, "created_at"),
    };
  }

  /** Oldest first. */
  all(): LinkRow[] {
    return this.#sql.rows("SELECT * FROM links ORDER BY created_at, id").map((row) => this.#link(row));
  }

  get(id: string): LinkRow | null {
    const row = this.#sql.row("SELECT * FROM links WHERE id = ?", id);
    return row && this.#link(row);
  }

  /** Those by which a site joined. */
  of(joiner: string): LinkRow[] {
    return this.#sql
      .rows("SELECT * FROM links WHERE joiner = ? ORDER BY created_at, id", joiner)
      .map((row) => this.#link(row));
  }

  put(link: LinkRow): void {
    this.#sql.run(
      "INSERT INTO links VALUES (?, ?, ?, ?, ?, ?, ?)",
      link.id,
      link.name,
      link.joiner,
      link.issuer,
      link.cost,
      blob(link.certificate),
      link.createdAt,
    );
  }

  setCertificate(id: string, certificate: Uint8Array<ArrayBuffer>): void {
    this.#sql.run("UPDATE links SET certificate = ? WHERE id = ?", blob(certificate), id);
  }

  /** The graph: links whose joiner was not revoked. */
  edges(): Edge[] {
    return this.#sql
      .rows(
        "SELECT joiner, issuer FROM links JOIN sites ON sites.id = links.joiner WHERE sites.state != 'revoked'",
      )
      .map((row) => ({ joiner: text(row, "joiner"), issuer: text(row, "issuer") }));
  }
}
