/** What instances offer, and what they report of their listeners. */
import { z } from "zod";
import { type InstanceId, instanceKey } from "../../../protocol/instance-id.ts";
import type { ServiceProtocol } from "../../../protocol/names.ts";
import {
  DEFAULT_ENCRYPTION,
  Encryption,
  type ListenerReport,
  type Offer,
} from "../../../protocol/uplink/messages.ts";
import type { StoredOffer } from "../policy/offers.ts";
import type { OfferRow } from "../policy/visibility.ts";
import { listText, Memo, number, optional, type Row, type Sql, text, time } from "./sql.ts";

/** What stands where it was not decided yet whether an offer is taken; nobody sees such a row. */
const UNDECIDED = "service.forbidden";

const Scope = z.array(z.string());

/** What an offer says, in one text. */
const said = (protocol: string, port: number, encryption: string, to: string | null): string =>
  JSON.stringify([protocol, port, encryption, to]);

export class Offers {
  readonly #sql: Sql;
  readonly #stored: Memo<readonly StoredOffer[]>;
  readonly #taken: Memo<readonly OfferRow[]>;
  readonly #index: Memo<ReadonlyMap<string, OfferRow>>;
  /** The lists of sites that offers are exported to, by their JSON: the same list is the same array. */
  #scopes = new Map<string, readonly string[]>();

  constructor(sql: Sql) {
    this.#sql = sql;
    const tables = ["offers", "sites"];
    this.#stored = new Memo<readonly StoredOffer[]>(sql, tables, () => this.#readStored());
    this.#taken = new Memo<readonly OfferRow[]>(sql, tables, () =>
      this.stored().filter((offer) => offer.refused === null),
    );
    this.#index = new Memo<ReadonlyMap<string, OfferRow>>(
      sql,
      tables,
      () => new Map(this.all().map((offer) => [`${instanceKey(offer.instance)} ${offer.service}`, offer])),
    );
  }

  /** All offers of sites that were not revoked, the oldest first. The same array until offers or sites change. */
  stored(): readonly StoredOffer[] {
    return this.#stored.value;
  }

  #readStored(): StoredOffer[] {
    const before = this.#scopes;
    const scopes = new Map<string, readonly string[]>();
    this.#scopes = scopes;
    const scopeOf = (json: string | undefined): readonly string[] | null => {
      if (json === undefined) return null;
      const known = scopes.get(json) ?? before.get(json) ?? Scope.parse(JSON.parse(json));
      scopes.set(json, known);
      return known;
    };
    return this.#sql
      .rows(
        `SELECT offers.*, sites.name AS site_name FROM offers JOIN sites ON sites.id = offers.site
          WHERE sites.state != 'revoked' ORDER BY since, boot, site, service`,
      )
      .map((row) => ({
        service: text(row, "service"),
        protocol: text(row, "protocol") as ServiceProtocol,
        port: number(row, "port"),
        instance: { site: text(row, "site"), siteName: text(row, "site_name"), boot: text(row, "boot") },
        encryption: Encryption.parse(text(row, "encryption")),
        to: scopeOf(optional(row, "to_sites")),
        since: number(row, "since"),
        refused: optional(row, "refused") ?? null,
      }));
  }

  /** Those of them that were taken. */
  all(): readonly OfferRow[] {
    return this.#taken.value;
  }

  /** An instance's offer of a service, if it was taken. */
  find(instance: InstanceId, service: string): OfferRow | null {
    return this.#index.value.get(`${instanceKey(instance)} ${service}`) ?? null;
  }

  #saidBy({ site, boot }: InstanceId): Map<string, string> {
    const rows = this.#sql.rows(
      "SELECT service, protocol, port, encryption, to_sites FROM offers WHERE site = ? AND boot = ?",
      site,
      boot,
    );
    return new Map(
      rows.map((row) => [
        text(row, "service"),
        said(
          text(row, "protocol"),
          number(row, "port"),
          text(row, "encryption"),
          optional(row, "to_sites") ?? null,
        ),
      ]),
    );
  }

  /**
   * Makes `offers` everything that the instance offers. What it did not offer before is not taken until that is
   * decided.
   */
  replace(instance: InstanceId, offers: readonly Offer[], now: number): void {
    const { site, boot } = instance;
    const before = this.#saidBy(instance);
    // A name that comes twice counts once: the last.
    const wanted = new Map(offers.map((offer) => [offer.name, offer]));
    for (const [name, { protocol, port, encryption = DEFAULT_ENCRYPTION, to }] of wanted) {
      const sites = listText(to ?? null);
      if (before.get(name) === said(protocol, port, encryption, sites)) continue;
      this.#sql.run(
        `INSERT INTO offers (site, boot, service, protocol, port, since, encryption, to_sites, refused)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (site, boot, service) DO UPDATE SET protocol = excluded.protocol,
          port = excluded.port, since = excluded.since, encryption = excluded.encryption, to_sites = excluded.to_sites`,
        site,
        boot,
        name,
        protocol,
        port,
        now,
        encryption,
        sites,
        UNDECIDED,
      );
    }
    for (const name of before.keys()) {
      if (wanted.has(name)) continue;
      this.#sql.run("DELETE FROM offers WHERE site = ? AND boot = ? AND service = ?", site, boot, name);
    }
    this.found(instance);
  }

  /** Whether an instance's offers are exactly these already. */
  areThose(instance: InstanceId, offers: readonly Offer[]): boolean {
    const before = this.#saidBy(instance);
    const wanted = new Map(offers.map((offer) => [offer.name, offer]));
    return (
      before.size === wanted.size &&
      [...wanted].every(
        ([name, { protocol, port, encryption = DEFAULT_ENCRYPTION, to }]) =>
          before.get(name) === said(protocol, port, encryption, listText(to ?? null)),
      )
    );
  }

  /** Notes why an offer is not taken, or null: that it is. */
  setRefused({ site, boot }: InstanceId, service: string, code: string | null): void {
    const where = "WHERE site = ? AND boot = ? AND service = ?";
    this.#sql.run(`UPDATE offers SET refused = ? ${where}`, code, site, boot, service);
  }

  /** The offers of an instance that were not taken, and why. */
  refusedOf({ site, boot }: InstanceId): { name: string; code: string }[] {
    return this.#sql
      .rows(
        `SELECT service, refused FROM offers WHERE site = ? AND boot = ? AND refused IS NOT NULL
          ORDER BY service`,
        site,
        boot,
      )
      .map((row) => ({ name: text(row, "service"), code: text(row, "refused") }));
  }

  /** The instance has an uplink again. */
  found({ site, boot }: InstanceId): void {
    const where = "WHERE site = ? AND boot = ? AND lost_at IS NOT NULL";
    this.#sql.run(`UPDATE offers SET lost_at = NULL ${where}`, site, boot);
  }

  markLost({ site, boot }: InstanceId, at: number): void {
    const where = "WHERE site = ? AND boot = ? AND lost_at IS NULL";
    this.#sql.run(`UPDATE offers SET lost_at = ? ${where}`, at, site, boot);
  }

  /** Instances with offers that nobody marked as lost. */
  notLost(): InstanceId[] {
    return this.#sql
      .rows("SELECT DISTINCT site, boot FROM offers WHERE lost_at IS NULL")
      .map((row) => ({ site: text(row, "site"), boot: text(row, "boot") }));
  }

  /** Drops offers lost at or before `time`. */
  dropLost(time: number): void {
    this.#sql.run("DELETE FROM offers WHERE lost_at <= ?", time);
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
  of({ site, boot }: InstanceId): ListenerReport[] {
    return this.#sql
      .rows("SELECT * FROM listeners WHERE site = ? AND boot = ? ORDER BY service", site, boot)
      .map((row) => this.#listener(row));
  }

  /** Makes `reports` everything known of the instance's listeners, and gives back what was known. */
  replace(instance: InstanceId, reports: readonly ListenerReport[]): ListenerReport[] {
    const { site, boot } = instance;
    const before = this.of(instance);
    const known = new Map(before.map((report) => [report.service, JSON.stringify(report)]));
    const wanted = new Map(reports.map((report) => [report.service, report]));
    for (const name of known.keys()) {
      if (wanted.has(name)) continue;
      this.#sql.run("DELETE FROM listeners WHERE site = ? AND boot = ? AND service = ?", site, boot, name);
    }
    for (const { service, address, state, code, message } of wanted.values()) {
      const said = { service, address, state };
      const why = { ...(code === undefined ? {} : { code }), ...(message === undefined ? {} : { message }) };
      if (known.get(service) === JSON.stringify({ ...said, ...why })) continue;
      this.#sql.run(
        "INSERT OR REPLACE INTO listeners VALUES (?, ?, ?, ?, ?, ?, ?)",
        site,
        boot,
        service,
        address,
        state,
        code ?? null,
        message ?? null,
      );
    }
    return before;
  }
}
