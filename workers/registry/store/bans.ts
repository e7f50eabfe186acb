/** The table of bans: sites that may not open an uplink for a time. */
import type { Ban } from "../policy/budget.ts";
import { number, type Sql } from "./sql.ts";

export class Bans {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  of(site: string): Ban | null {
    const row = this.#sql.row("SELECT until, strikes FROM bans WHERE site = ?", site);
    return row && { until: number(row, "until"), strikes: number(row, "strikes") };
  }

  put(site: string, { until, strikes }: Ban): void {
    this.#sql.write(
      [],
      "INSERT OR REPLACE INTO bans (site, until, strikes) VALUES (?, ?, ?)",
      site,
      until,
      strikes,
    );
  }

  /** Deletes bans that ended at or before `time`. */
  prune(time: number): void {
    this.#sql.write([], "DELETE FROM bans WHERE until <= ?", time);
  }
}
