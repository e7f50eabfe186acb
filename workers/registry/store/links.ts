/** The table of links. */
import { type Edge, NETWORK_NODE } from "../policy/link-graph.ts";
import { type Change, KeyedMemo, Memo } from "./mutations.ts";
import { blob, bytes, number, type Row, type Sql, TEXT_PARAMETER, text, time } from "./sql.ts";

export interface LinkRow {
  readonly id: string;
  readonly name: string;
  readonly joiner: string;
  readonly issuer: string;
  readonly cost: number;
  readonly certificate: Uint8Array<ArrayBuffer>;
  readonly createdAt: number;
  /** When the issuer's access was revoked, ms since 1970. A revoked link connects no sites. */
  readonly revokedAt: number | null;
}

/** The parts that change when a link is added or deleted. */
const changesOf = ({ joiner, issuer }: LinkRow): Change[] => [["links", joiner], ["links", issuer], "graph"];

export class Links {
  readonly #sql: Sql;
  readonly #of: KeyedMemo<readonly LinkRow[]>;
  readonly #from: KeyedMemo<readonly LinkRow[]>;
  readonly #edges: Memo<readonly Edge[]>;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#of = new KeyedMemo(sql.mutations, "links", (joiner) => this.#readOf(joiner));
    this.#from = new KeyedMemo(sql.mutations, "links", (issuer) => this.#readFrom(issuer));
    this.#edges = new Memo(sql.mutations, ["graph"], (before) => {
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

  /** The links by which a site joined, oldest first. */
  of(joiner: string): readonly LinkRow[] {
    return this.#of.get(joiner);
  }

  #readOf(joiner: string): LinkRow[] {
    return this.#sql
      .rows(`SELECT * FROM links WHERE joiner = ${TEXT_PARAMETER} ORDER BY created_at, id`, joiner)
      .map((row) => this.#link(row));
  }

  /** The links that joined by an issuer, oldest first. */
  from(issuer: string): readonly LinkRow[] {
    // The network issued nearly all links: too many to cache for how rarely they are read.
    return issuer === NETWORK_NODE ? this.#readFrom(issuer) : this.#from.get(issuer);
  }

  #readFrom(issuer: string): LinkRow[] {
    return this.#sql
      .rows(`SELECT * FROM links WHERE issuer = ${TEXT_PARAMETER} ORDER BY created_at, id`, issuer)
      .map((row) => this.#link(row));
  }

  put(link: LinkRow): void {
    this.#sql.write(
      changesOf(link),
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
    const link = this.get(id);
    if (link === null) return;
    const { joiner, issuer } = link;
    const changes = [
      ["links", joiner],
      ["links", issuer],
    ] as const;
    this.#sql.write(changes, "UPDATE links SET certificate = ? WHERE id = ?", blob(certificate), id);
  }

  /** Revokes all links of an issuer, and returns those that were not revoked before. */
  revokeFrom(issuer: string, at: number): LinkRow[] {
    const statement = "UPDATE links SET revoked_at = ? WHERE issuer = ? AND revoked_at IS NULL RETURNING *";
    return this.#sql.write(["links", "graph"], statement, at, issuer).map((row) => this.#link(row));
  }

  delete(id: string): void {
    const link = this.get(id);
    if (link !== null) this.#sql.write(changesOf(link), "DELETE FROM links WHERE id = ?", id);
  }

  /**
   * The edges of the link graph: links that are not revoked, between sites that are not. The same array while
   * the graph is the same.
   */
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
