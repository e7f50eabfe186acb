/**
 * The registry's storage. Only this folder contains SQL: one class per table or two, and operations across
 * tables here. Times are ms since 1970.
 */
import { DEFAULT_QUOTAS } from "../../../protocol/api/quotas.ts";
import type { InstanceId } from "../../../protocol/instance-id.ts";
import { dumpTables, restoreTables, type Tables } from "./backup.ts";
import { Balances } from "./balances.ts";
import { Bans } from "./bans.ts";
import { Departures } from "./departures.ts";
import { Events } from "./events.ts";
import { IngressTable } from "./ingress.ts";
import { Links } from "./links.ts";
import type { Mutations } from "./mutations.ts";
import { Issuers, NetworkTable } from "./network.ts";
import { Listeners, Offers } from "./offers.ts";
import { Cuts, Pairs, Sessions } from "./sessions.ts";
import { Assertions, Certificates, Sites } from "./sites.ts";
import { Sql, TEXT_PARAMETER, text } from "./sql.ts";
import { Tokens } from "./tokens.ts";

export type { LinkRow } from "./links.ts";
export type { IssuerRow, NetworkRow } from "./network.ts";
export type { SessionRow } from "./sessions.ts";
export { hasJoined, type MemberRow, type SiteRow } from "./sites.ts";
export type { TokenRow } from "./tokens.ts";

/** Tables whose rows belong to a site and are deleted with it. */
const OF_SITE = [
  "certificates",
  "redemptions",
  "offers",
  "listeners",
  "assertions",
  "bans",
  "departures",
] as const;

export class Store {
  readonly #storage: DurableObjectStorage;
  readonly #sql: Sql;
  readonly network: NetworkTable;
  readonly issuers: Issuers;
  readonly sites: Sites;
  readonly certificates: Certificates;
  readonly assertions: Assertions;
  readonly tokens: Tokens;
  readonly links: Links;
  readonly balances: Balances;
  readonly offers: Offers;
  readonly listeners: Listeners;
  readonly sessions: Sessions;
  readonly cuts: Cuts;
  readonly pairs: Pairs;
  readonly events: Events;
  readonly bans: Bans;
  readonly departures: Departures;
  readonly ingress: IngressTable;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    const sql = new Sql(storage);
    this.#sql = sql;
    this.network = new NetworkTable(sql);
    this.issuers = new Issuers(sql);
    this.sites = new Sites(sql);
    this.certificates = new Certificates(sql);
    this.assertions = new Assertions(sql);
    this.tokens = new Tokens(sql);
    this.links = new Links(sql);
    this.balances = new Balances(sql);
    this.offers = new Offers(sql, this.balances);
    this.listeners = new Listeners(sql);
    this.sessions = new Sessions(sql);
    this.cuts = new Cuts(sql);
    this.pairs = new Pairs(sql);
    this.events = new Events(sql, () => this.network.quotas().events ?? DEFAULT_QUOTAS.events);
    this.bans = new Bans(sql);
    this.departures = new Departures(sql);
    this.ingress = new IngressTable(storage);
  }

  /** What tells of changes. */
  get mutations(): Mutations {
    return this.#sql.mutations;
  }

  /** Runs `work` in a transaction. If it throws, nothing is written. */
  transaction<T>(work: () => T): T {
    try {
      return this.#storage.transactionSync(work);
    } catch (thrown) {
      this.#sql.mutations.noteAll();
      throw thrown;
    }
  }

  /** All tables of a backup, with the number of their last migration. */
  dump(): { migration: number; tables: Tables } {
    return dumpTables(this.#sql);
  }

  /**
   * Writes the tables of a backup into an empty database. Call this in a transaction.
   * @throws FairleadError `backup.version`, `backup.malformed`
   */
  restore(dump: { migration: number; tables: Tables }, now: number): void {
    restoreTables(this.#storage, this.#sql, dump, now);
    this.#sql.mutations.noteAll();
  }

  /** Deletes everything that is stored. */
  async deleteAll(): Promise<void> {
    await this.#storage.deleteAll();
    this.#sql.mutations.noteAll();
  }

  /** Deletes a site and everything that belongs to it, except its events. */
  deleteSite(id: string): void {
    const changes = [["sites", id], ["offers", id], "names", "patterns", "links", "graph", "losses"] as const;
    this.#sql.write(changes, "DELETE FROM sites WHERE id = ?", id);
    for (const table of OF_SITE) this.#sql.write(changes, `DELETE FROM ${table} WHERE site = ?`, id);
    this.#sql.write(changes, "DELETE FROM links WHERE joiner = ? OR issuer = ?", id, id);
    this.#sql.write([["issuers", id]], "DELETE FROM issuers WHERE id = ?", id);
    this.#sql.write([], "DELETE FROM pairs WHERE site_a = ? OR site_b = ?", id, id);
  }

  /** The instances of a site with offers, listeners or sessions. */
  instances(site: string): InstanceId[] {
    return this.#sql
      .rows(
        `SELECT boot FROM offers WHERE site = ${TEXT_PARAMETER}
        UNION SELECT boot FROM listeners WHERE site = ${TEXT_PARAMETER}
        UNION SELECT boot_a FROM sessions WHERE site_a = ${TEXT_PARAMETER}
        UNION SELECT boot_b FROM sessions WHERE site_b = ${TEXT_PARAMETER}`,
        site,
        site,
        site,
        site,
      )
      .map((row) => ({ site, boot: text(row, "boot") }));
  }

  /** Deletes an instance's offers, but for those of some services, and its listeners and sessions. */
  dropInstance({ site, boot }: InstanceId, kept: readonly string[] = []): void {
    const offers = [["offers", site], "losses"] as const;
    const others = "service NOT IN (SELECT value FROM json_each(?))";
    const where = `WHERE site = ? AND boot = ? AND ${others}`;
    this.#sql.write(offers, `DELETE FROM offers ${where}`, site, boot, JSON.stringify(kept));
    const listeners = [["listeners", site]] as const;
    this.#sql.write(listeners, "DELETE FROM listeners WHERE site = ? AND boot = ?", site, boot);
    this.#sql.write(["sessions"], "DELETE FROM sessions WHERE site_a = ? AND boot_a = ?", site, boot);
    this.#sql.write(["sessions"], "DELETE FROM sessions WHERE site_b = ? AND boot_b = ?", site, boot);
  }
}
