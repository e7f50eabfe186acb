/** The hostnames that networks may publish services by. Each pattern belongs to one network. */
import type { HostnameGrant } from "../../protocol/api/hostnames.ts";
import { patternsOf } from "../../protocol/hostnames.ts";

type Row = { pattern: string; network: string; granted_at: number };

/** The table of granted hostnames. */
export class Hostnames {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`CREATE TABLE IF NOT EXISTS hostnames (
      pattern TEXT PRIMARY KEY,
      network TEXT NOT NULL,
      granted_at INTEGER NOT NULL
    ) WITHOUT ROWID`);
  }

  /**
   * Grants a pattern to a network, unless a network has it.
   * @param now ms since 1970
   * @returns the grant that the pattern has then, perhaps of another network
   */
  grant(pattern: string, network: string, now: number): HostnameGrant {
    this.#sql.exec("INSERT OR IGNORE INTO hostnames VALUES (?, ?, ?)", pattern, network, now);
    const grant = this.#find(pattern);
    if (grant === null) throw new Error("The granted hostname is not stored.");
    return grant;
  }

  /** Withdraws a grant of a network. Returns the grant; null when the network has none. */
  withdraw(pattern: string, network: string): HostnameGrant | null {
    const grant = this.#find(pattern);
    if (grant?.network !== network) return null;
    this.#sql.exec("DELETE FROM hostnames WHERE pattern = ?", pattern);
    return grant;
  }

  /** Withdraws all grants of a network. */
  withdrawAll(network: string): void {
    this.#sql.exec("DELETE FROM hostnames WHERE network = ?", network);
  }

  /** The grants of a network, or of all networks, sorted by pattern. */
  list(network: string | null): HostnameGrant[] {
    return this.#sql
      .exec<Row>("SELECT * FROM hostnames WHERE ? IS NULL OR network = ? ORDER BY pattern", network, network)
      .toArray()
      .map(describe);
  }

  /** The network of a hostname, by the most specific pattern; null without any. */
  networkOf(hostname: string): string | null {
    for (const pattern of patternsOf(hostname)) {
      const grant = this.#find(pattern);
      if (grant !== null) return grant.network;
    }
    return null;
  }

  /** Replaces all grants. */
  restore(grants: readonly HostnameGrant[]): void {
    this.#sql.exec("DELETE FROM hostnames");
    for (const { pattern, network, grantedAt } of grants) this.grant(pattern, network, Date.parse(grantedAt));
  }

  #find(pattern: string): HostnameGrant | null {
    const [row] = this.#sql.exec<Row>("SELECT * FROM hostnames WHERE pattern = ?", pattern).toArray();
    return row === undefined ? null : describe(row);
  }
}

function describe({ pattern, network, granted_at }: Row): HostnameGrant {
  return { pattern, network, grantedAt: new Date(granted_at).toISOString() };
}
