/** The tables of offers and of listeners. */
import { z } from "zod";
import type { InstanceId } from "../../../protocol/instance-id.ts";
import type { ServiceProtocol } from "../../../protocol/names.ts";
import {
  DEFAULT_ENCRYPTION,
  Encryption,
  type ListenerReport,
  type Offer,
} from "../../../protocol/uplink/messages.ts";
import { byAge, type Decision, type OfferSnapshot, type StoredOffer } from "../policy/offers.ts";
import type { OfferRow } from "../policy/visibility.ts";
import { Memo } from "./mutations.ts";
import { listText, number, optional, type Row, type Sql, TEXT_PARAMETER, text, time } from "./sql.ts";

/** The value of an undecided offer's refusal. No site sees such a row. */
const UNDECIDED = "service.forbidden";

const Scope = z.array(z.string());

/** A list of ports, of which this version uses the first. */
const Ports = z.array(z.object({ port: z.number().int() })).min(1);

/** The first port of a stored list; null without a list. */
function firstPort(json: string | undefined): number | null {
  return json === undefined ? null : (Ports.parse(JSON.parse(json))[0]?.port ?? null);
}

const portsText = (ports: z.infer<typeof Ports>): string =>
  JSON.stringify(ports.map(({ port }) => ({ port })));

/** Most cached export lists. At this number, all are dropped. */
const MAX_SCOPES = 10_000;

const isTaken = ({ refused }: StoredOffer): boolean => refused === null;

function toSnapshot(offers: readonly StoredOffer[]): OfferSnapshot {
  return {
    ofSite: Map.groupBy(offers, ({ instance }) => instance.site),
    ofService: Map.groupBy(offers.filter(isTaken), ({ service }) => service),
  };
}

/** What an offer consists of, as its columns have it. */
interface OfferColumns {
  readonly protocol: string;
  readonly port: number;
  /** JSON of the ports that the site asks for; null if it asks for none. */
  readonly ports: string | null;
  readonly encryption: string;
  /** JSON of the sites that the service is exported to; null if to all. */
  readonly to: string | null;
}

/** The content of an offer as one comparable text. */
const offerText = ({ protocol, port, ports, encryption, to }: OfferColumns): string =>
  JSON.stringify([protocol, port, ports, encryption, to]);

function columnsOf({ protocol, port, ports, encryption = DEFAULT_ENCRYPTION, to }: Offer): OfferColumns {
  const asked = ports === undefined ? null : portsText(ports);
  return { protocol, port, ports: asked, encryption, to: listText(to ?? null) };
}

const NO_OFFERS: OfferSnapshot = { ofSite: new Map(), ofService: new Map() };

export class Offers {
  readonly #sql: Sql;
  #snapshot = NO_OFFERS;
  /** Sites whose offers changed since the snapshot; null: any may have changed. */
  #changed: Set<string> | null = null;
  readonly #firstLost: Memo<number | null>;
  /** Export lists by their JSON, so that equal lists are the same array. */
  readonly #scopes = new Map<string, readonly string[]>();

  constructor(sql: Sql) {
    this.#sql = sql;
    sql.mutations.on(["offers"], (site) => {
      if (site === null) this.#changed = null;
      else this.#changed?.add(site);
    });
    this.#firstLost = new Memo(sql.mutations, ["losses"], () => this.#readFirstLost());
  }

  /** The present offers. The same object until an offer, a site's name or a revocation changes. */
  snapshot(): OfferSnapshot {
    if (this.#changed === null) this.#snapshot = toSnapshot(this.#read());
    else if (this.#changed.size > 0) this.#snapshot = this.#revised([...this.#changed]);
    this.#changed = new Set();
    return this.#snapshot;
  }

  /** The snapshot with the offers of some sites read again. */
  #revised(sites: readonly string[]): OfferSnapshot {
    const ofSite = new Map(this.#snapshot.ofSite);
    const ofService = new Map(this.#snapshot.ofService);
    for (const site of sites) {
      const before = ofSite.get(site) ?? [];
      const after = this.#read(site);
      if (after.length === 0) ofSite.delete(site);
      else ofSite.set(site, after);
      const taken = Map.groupBy(after.filter(isTaken), ({ service }) => service);
      for (const service of new Set([
        ...before.filter(isTaken).map(({ service }) => service),
        ...taken.keys(),
      ])) {
        const others = (ofService.get(service) ?? []).filter(({ instance }) => instance.site !== site);
        const offers = [...others, ...(taken.get(service) ?? [])].sort(byAge);
        if (offers.length === 0) ofService.delete(service);
        else ofService.set(service, offers);
      }
    }
    return { ofSite, ofService };
  }

  /** @param site whose offers are read; all sites by default */
  #read(site: string | null = null): StoredOffer[] {
    return this.#sql
      .rows(
        `SELECT offers.*, sites.name AS site_name FROM offers JOIN sites ON sites.id = offers.site
          WHERE sites.state != 'revoked' ${site === null ? "" : `AND offers.site = ${TEXT_PARAMETER}`}
          ORDER BY since, boot, site, service`,
        ...(site === null ? [] : [site]),
      )
      .map((row) => ({
        service: text(row, "service"),
        protocol: text(row, "protocol") as ServiceProtocol,
        ...this.#portsOf(row),
        instance: { site: text(row, "site"), siteName: text(row, "site_name"), boot: text(row, "boot") },
        encryption: Encryption.parse(text(row, "encryption")),
        to: this.#scopeOf(optional(row, "to_sites")),
        since: number(row, "since"),
        refused: optional(row, "refused") ?? null,
      }));
  }

  #portsOf(row: Row): Pick<StoredOffer, "port" | "wish"> {
    const asked = firstPort(optional(row, "ports"));
    const wish = { port: asked ?? number(row, "port"), explicit: asked !== null };
    return { port: firstPort(optional(row, "service_ports")) ?? wish.port, wish };
  }

  #scopeOf(json: string | undefined): readonly string[] | null {
    if (json === undefined) return null;
    const known = this.#scopes.get(json);
    if (known) return known;
    const scope = Scope.parse(JSON.parse(json));
    if (this.#scopes.size >= MAX_SCOPES) this.#scopes.clear();
    this.#scopes.set(json, scope);
    return scope;
  }

  /** All offers of sites that are not revoked, oldest first. */
  stored(): readonly StoredOffer[] {
    return [...this.snapshot().ofSite.values()].flat().sort(byAge);
  }

  /** All accepted offers, oldest first. */
  all(): readonly OfferRow[] {
    return this.stored().filter(isTaken);
  }

  /** Number of offered services. */
  countServices(): number {
    return this.snapshot().ofService.size;
  }

  /** An instance's accepted offer of a service. */
  find({ site, boot }: InstanceId, service: string): OfferRow | null {
    const offers = this.snapshot().ofSite.get(site) ?? [];
    const isIt = (offer: StoredOffer) => offer.service === service && offer.instance.boot === boot;
    return offers.find((offer) => isTaken(offer) && isIt(offer)) ?? null;
  }

  #offerTexts({ site, boot }: InstanceId): Map<string, string> {
    const rows = this.#sql.rows(
      "SELECT service, protocol, port, ports, encryption, to_sites FROM offers WHERE site = ? AND boot = ?",
      site,
      boot,
    );
    return new Map(
      rows.map((row) => [
        text(row, "service"),
        offerText({
          protocol: text(row, "protocol"),
          port: number(row, "port"),
          ports: optional(row, "ports") ?? null,
          encryption: text(row, "encryption"),
          to: optional(row, "to_sites") ?? null,
        }),
      ]),
    );
  }

  /** Replaces all offers of an instance. New offers stay undecided until the next decision. */
  replace(instance: InstanceId, offers: readonly Offer[], now: number): void {
    const { site, boot } = instance;
    const changes = [["offers", site], "losses"] as const;
    const before = this.#offerTexts(instance);
    // Of a repeated name, the last offer counts.
    const wanted = new Map(offers.map((offer) => [offer.name, offer]));
    for (const [name, offer] of wanted) {
      const columns = columnsOf(offer);
      if (before.get(name) === offerText(columns)) continue;
      const { protocol, port, ports, encryption, to } = columns;
      this.#sql.write(
        changes,
        `INSERT INTO offers (site, boot, service, protocol, port, ports, since, encryption, to_sites, refused)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (site, boot, service) DO UPDATE SET
          protocol = excluded.protocol, port = excluded.port, ports = excluded.ports, since = excluded.since,
          encryption = excluded.encryption, to_sites = excluded.to_sites`,
        site,
        boot,
        name,
        protocol,
        port,
        ports,
        now,
        encryption,
        to,
        UNDECIDED,
      );
    }
    for (const name of before.keys()) {
      if (wanted.has(name)) continue;
      this.#sql.write(
        changes,
        "DELETE FROM offers WHERE site = ? AND boot = ? AND service = ?",
        site,
        boot,
        name,
      );
    }
    this.clearLost(instance);
  }

  /** Whether the stored offers of an instance equal the given ones. */
  hasExactly(instance: InstanceId, offers: readonly Offer[]): boolean {
    const before = this.#offerTexts(instance);
    const wanted = new Map(offers.map((offer) => [offer.name, offer]));
    return (
      before.size === wanted.size &&
      [...wanted].every(([name, offer]) => before.get(name) === offerText(columnsOf(offer)))
    );
  }

  /** Stores the decision about an offer: why it is refused, or the port that its service has. */
  decide({ site, boot }: InstanceId, service: string, { refused, port }: Decision): void {
    this.#sql.write(
      [["offers", site]],
      "UPDATE offers SET refused = ?, service_ports = ? WHERE site = ? AND boot = ? AND service = ?",
      refused,
      refused === null ? portsText([{ port }]) : null,
      site,
      boot,
      service,
    );
  }

  /** Clears the loss of an instance that has an uplink again. */
  clearLost({ site, boot }: InstanceId): void {
    const where = "WHERE site = ? AND boot = ? AND lost_at IS NOT NULL";
    this.#sql.write(["losses"], `UPDATE offers SET lost_at = NULL ${where}`, site, boot);
  }

  markLost({ site, boot }: InstanceId, at: number): void {
    const where = "WHERE site = ? AND boot = ? AND lost_at IS NULL";
    this.#sql.write(["losses"], `UPDATE offers SET lost_at = ? ${where}`, at, site, boot);
  }

  /** Instances with offers that are not marked as lost. */
  instancesNotLost(): InstanceId[] {
    return this.#sql
      .rows("SELECT DISTINCT site, boot FROM offers WHERE lost_at IS NULL")
      .map((row) => ({ site: text(row, "site"), boot: text(row, "boot") }));
  }

  /** Drops offers that were lost at or before `time`. */
  dropLost(time: number): void {
    const dropped = this.#sql.write(["losses"], "DELETE FROM offers WHERE lost_at <= ? RETURNING site", time);
    for (const row of dropped) this.#sql.mutations.note(["offers", text(row, "site")]);
  }

  /** When the earliest lost offer was lost, ms since 1970; null if none is. */
  firstLost(): number | null {
    return this.#firstLost.value;
  }

  #readFirstLost(): number | null {
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
    return {
      service: text(row, "service"),
      address: text(row, "address"),
      state: text(row, "state") === "failed" ? "failed" : "listening",
      code: optional(row, "code"),
      message: optional(row, "message"),
    };
  }

  /** The last reported listeners of an instance, by service. */
  of({ site, boot }: InstanceId): ListenerReport[] {
    return this.#sql
      .rows(
        `SELECT * FROM listeners WHERE site = ${TEXT_PARAMETER} AND boot = ${TEXT_PARAMETER} ORDER BY service`,
        site,
        boot,
      )
      .map((row) => this.#listener(row));
  }

  /** Replaces all listeners of an instance, and returns the previous ones. */
  replace(instance: InstanceId, reports: readonly ListenerReport[]): ListenerReport[] {
    const { site, boot } = instance;
    const before = this.of(instance);
    const known = new Map(before.map((report) => [report.service, JSON.stringify(report)]));
    const wanted = new Map(reports.map((report) => [report.service, report]));
    for (const name of known.keys()) {
      if (wanted.has(name)) continue;
      this.#sql.write(
        [],
        "DELETE FROM listeners WHERE site = ? AND boot = ? AND service = ?",
        site,
        boot,
        name,
      );
    }
    for (const { service, address, state, code, message } of wanted.values()) {
      if (known.get(service) === JSON.stringify({ service, address, state, code, message })) continue;
      this.#sql.write(
        [],
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
