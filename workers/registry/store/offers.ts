/** What instances offer, and what they report of their listeners. */
import {
  DEFAULT_ENCRYPTION,
  Encryption,
  type ListenerReport,
  type Offer,
} from "../../../protocol/messages.ts";
import type { ServiceProtocol } from "../../../protocol/names.ts";
import type { OfferRow } from "../reachability.ts";
import { number, optional, type Row, type Sql, text, time } from "./sql.ts";

export class Offers {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** All offers of sites that were not revoked. */
  all(): OfferRow[] {
    return this.#sql
      .rows(
        "SELECT offers.*, sites.name AS site_name FROM offers JOIN sites ON sites.id = offers.site WHERE sites.state != 'revoked'",
      )
      .map((row) => ({
        service: text(row, "service"),
        protocol: text(row, "protocol") as ServiceProtocol,
        port: number(row, "port"),
        instance: { site: text(row, "site"), siteName: text(row, "site_name"), boot: text(row, "boot") },
        encryption: Encryption.parse(text(row, "encryption")),
        since: number(row, "since"),
      }));
  }

  /** Makes `offers` everything that the instance offers, and tells which names changed. */
  replace(site: string, boot: string, offers: readonly Offer[], now: number): string[] {
    const before = new Map(
      this.#sql
        .rows("SELECT service, protocol, port, encryption FROM offers WHERE boot = ?", boot)
        .map((row) => [
          text(row, "service"),
          [text(row, "protocol"), number(row, "port"), text(row, "encryption")].join(),
        ]),
    );
    // A name that comes twice counts once: the last.
    const wanted = new Map(offers.map((offer) => [offer.name, offer]));
    const changed: string[] = [];
    for (const [name, { protocol, port, encryption = DEFAULT_ENCRYPTION }] of wanted) {
      if (before.get(name) === [protocol, port, encryption].join()) continue;
      changed.push(name);
      this.#sql.run(
        "INSERT OR REPLACE INTO offers (site, boot, service, protocol, port, since, encryption) VALUES (?, ?, ?, ?, ?, ?, ?)",
        site,
        boot,
        name,
        protocol,
        port,
        now,
        encryption,
      );
    }
    for (const name of before.keys()) {
      if (wanted.has(name)) continue;
      changed.push(name);
      this.#sql.run("DELETE FROM offers WHERE boot = ? AND service = ?", boot, name);
    }
    this.#sql.run("UPDATE offers SET lost_at = NULL WHERE boot = ? AND lost_at IS NOT NULL", boot);
    return changed;
  }

  markLost(boot: string, at: number): void {
    this.#sql.run("UPDATE offers SET lost_at = ? WHERE boot = ? AND lost_at IS NULL", at, boot);
  }

  /** Instances with offers that nobody marked as lost. */
  bootsNotLost(): string[] {
    return this.#sql
      .rows("SELECT DISTINCT boot FROM offers WHERE lost_at IS NULL")
      .map((row) => text(row, "boot"));
  }

  /** Drops offers lost at or before `time`, and tells the names and sites. */
  dropLost(time: number): { service: string; site: string }[] {
    return this.#sql
      .rows("DELETE FROM offers WHERE lost_at <= ? RETURNING service, site", time)
      .map((row) => ({ service: text(row, "service"), site: text(row, "site") }));
  }

  /** When the first of the lost offers was lost; null when none is. */
  firstLost(): number | null {
    const row = this.#sql.row("SELECT min(lost_at) AS at FROM offers");
    return row && time(row, "at");
  }
}

export class Listeners {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  #listener(row: Row): ListenerReport {
    const code = optional(row, "code");
    const message = optional(row, "message");
    return {
      service: text(row, "service"),
      address: text(row, "address"),
      state: text(row, "state") === "failed" ? "failed" : "listening",
      ...(code === undefined ? {} : { code }),
      ...(message === undefined ? {} : { message }),
    };
  }

  /** What an instance reported last, by service. */
  of(boot: string): ListenerReport[] {
    return this.#sql
      .rows("SELECT * FROM listeners WHERE boot = ? ORDER BY service", boot)
      .map((row) => this.#listener(row));
  }

  /** Makes `reports` everything known of the instance's listeners, and gives back what was known. */
  replace(site: string, boot: string, reports: readonly ListenerReport[]): ListenerReport[] {
    const before = this.of(boot);
    this.#sql.run("DELETE FROM listeners WHERE boot = ?", boot);
    for (const report of reports) {
      this.#sql.run(
        "INSERT OR REPLACE INTO listeners VALUES (?, ?, ?, ?, ?, ?, ?)",
        site,
        boot,
        report.service,
        report.address,
        report.state,
        report.code ?? null,
        report.message ?? null,
      );
    }
    return before;
  }
}
