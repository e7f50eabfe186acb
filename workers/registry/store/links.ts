/** Links. */
import type { Edge } from "../policy/link-graph.ts";
import { blob, bytes, Memo, number, type Row, type Sql, text, time } from "./sql.ts";

export interface LinkRow {
  id: string;
  name: string;
  joiner: string;
  issuer: string;
  cost: number;
  certificate: Uint8Array<ArrayBuffer>;
  createdAt: number;
  /** When its issuer's access was revoked, ms; such a link connects nobody. */
  revokedAt: number | null;
}

export class Links {
  readonly #sql: Sql;
  readonly #edges: Memo<readonly Edge[]>;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#edges = new Memo(sql, ["links", "sites"], (before) => {
      const edges = this.#readEdges();
      return before !== undefined && sameEdges(before, edges) ? before : edges;
    });
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
      revokedAt: time(row, "revoked_at"),
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

  /** Those that joined by this issuer. */
  from(issuer: string): LinkRow[] {
    return this.#sql
      .rows("SELECT * FROM links WHERE issuer = ? ORDER BY created_at, id", issuer)
      .map((row) => this.#link(row));
  }

  put(link: LinkRow): void {
    this.#sql.run(
      `INSERT INTO links (id, name, joiner, issuer, cost, certificate, created_at, revoked_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      link.id,
      link.name,
      link.joiner,
      link.issuer,
      link.cost,
      blob(link.certificate),
      link.createdAt,
      link.revokedAt,
    );
  }

  setCertificate(id: string, certificate: Uint8Array<ArrayBuffer>): void {
    this.#sql.run("UPDATE links SET certificate = ? WHERE id = ?", blob(certificate), id);
  }

  /** Revokes every link of an issuer that is not yet, and gives those. */
  revokeFrom(issuer: string, at: number): LinkRow[] {
    return this.#sql
      .rows("UPDATE links SET revoked_at = ? WHERE issuer = ? AND revoked_at IS NULL RETURNING *", at, issuer)
      .map((row) => this.#link(row));
  }

  delete(id: string): void {
    this.#sql.run("DELETE FROM links WHERE id = ?", id);
  }

  /** The graph: links that were not revoked, and of whose ends none was. The same array while it is the same graph. */
  edges(): readonly Edge[] {
    return this.#edges.value;
  }

  #readEdges(): Edge[] {
    return this.#sql
      .rows(
        `SELECT joiner, issuer, cost FROM links WHERE revoked_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM sites WHERE id IN (joiner, issuer) AND state = 'revoked')
          ORDER BY created_at, links.id`,
      )
      .map((row) => ({
        joiner: text(row, "joiner"),
        issuer: text(row, "issuer"),
        cost: number(row, "cost"),
      }));
  }
}

function sameEdges(left: readonly Edge[], right: readonly Edge[]): boolean {
  return (
    left.length === right.length &&
    left.every((edge, index) => {
      const other = right[index];
      return edge.joiner === other?.joiner && edge.issuer === other.issuer && edge.cost === other.cost;
    })
  );
}
