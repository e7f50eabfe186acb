/** The tables of offers and of listeners. */
import * as z from "zod";
import type { InstanceId } from "../../../protocol/instance-id.ts";
import { ServiceProtocol } from "../../../protocol/names.ts";
import {
  DEFAULT_ENCRYPTION,
  Encryption,
  type ListenerReport,
  Offer,
  type ServicePort,
} from "../../../protocol/uplink/messages.ts";
import { byAge, type Decision, type OfferSnapshot, type StoredOffer } from "../policy/offers.ts";
import type { OfferDetails, OfferRow, Routing } from "../policy/visibility.ts";
import type { Balances } from "./balances.ts";
import { Memo } from "./mutations.ts";
import { listText, number, optional, type Row, type Sql, TEXT_PARAMETER, text, time } from "./sql.ts";

/** The value of an undecided offer's refusal. No site sees such a row. */
const UNDECIDED = "service.forbidden";

const Scope = z.array(z.string());

/** Ports as a column has them. A port without a protocol has that of its offer. */
const Ports = z.array(z.object({ port: z.number().int(), protocol: ServiceProtocol.optional() })).min(1);

const StoredRouting = Offer.pick({
  kinds: true,
  balance: true,
  weight: true,
  rank: true,
  down: true,
  zone: true,
});

const StoredDetails = Offer.pick({ export: true, headless: true, detailsFollow: true });

const NO_ROUTING: Routing = {};

/** Most cached values of a column. At this number, all are dropped. */
const MAX_PARSED = 10_000;

/** Values of a JSON column by their text, so that equal texts give the same object. */
class Parsed<T> {
  readonly #parse: (json: string) => T;
  readonly #known = new Map<string, T>();

  constructor(parse: (json: string) => T) {
    this.#parse = parse;
  }

  of(json: string): T {
    const known = this.#known.get(json);
    if (known !== undefined) return known;
    const value = this.#parse(json);
    if (this.#known.size >= MAX_PARSED) this.#known.clear();
    this.#known.set(json, value);
    return value;
  }
}

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
  /** JSON of a {@link Routing}; null if empty. */
  readonly routing: string | null;
  /** JSON of {@link OfferDetails}; null if empty. */
  readonly details: string | null;
  /** Why ports are down; null if none is, or if the instance does not say. */
  readonly downCode: string | null;
  /** 1 if the offer stays while the site is away, or else null. */
  readonly stays: 1 | null;
}

/** The stored columns of an offer. */
interface KnownColumns extends OfferColumns {
  readonly isDown: boolean;
  /** Since when a port is down, ms since 1970; null if none is, or if that is unknown. */
  readonly downSince: number | null;
}

/** The content of an offer as one comparable text, without its routing, its details and its failure. */
const contentOf = ({ protocol, port, ports, encryption, to }: OfferColumns): string =>
  JSON.stringify([protocol, port, ports, encryption, to]);

/** A whole offer as one comparable text. */
const offerText = (columns: OfferColumns): string =>
  `${contentOf(columns)} ${columns.routing} ${columns.downCode} ${columns.details} ${columns.stays}`;

function columnsOf(offer: Offer): OfferColumns {
  const { protocol, port, ports, encryption = DEFAULT_ENCRYPTION, to, why } = offer;
  return {
    protocol,
    port,
    ports: ports === undefined ? null : portsText(ports, protocol),
    encryption,
    to: listText(to ?? null),
    routing: routingText(offer),
    details: detailsText(offer),
    downCode: isDown(offer) ? (why ?? null) : null,
    stays: offer.stays ? 1 : null,
  };
}

const isDown = ({ down = [] }: Pick<Routing, "down">): boolean => down.length > 0;

/** The ports that a site asks for, each once. */
function portsText(ports: z.infer<typeof Ports>, ofOffer: ServiceProtocol): string {
  const unique = new Map(ports.map(({ port, protocol }) => [port, protocol ?? ofOffer]));
  return JSON.stringify(
    [...unique].map(([port, protocol]) => (protocol === ofOffer ? { port } : { port, protocol })),
  );
}

function routingText({ kinds, balance, weight, rank, down, zone }: Routing): string | null {
  const text = JSON.stringify({
    kinds: kinds?.length === 0 ? undefined : kinds,
    balance,
    weight,
    rank,
    down: down?.length === 0 ? undefined : down && [...new Set(down)].sort((left, right) => left - right),
    zone,
  });
  return text === "{}" ? null : text;
}

function detailsText({ export: exported, headless, detailsFollow }: OfferDetails): string | null {
  const text = JSON.stringify({ export: exported, headless, detailsFollow });
  return text === "{}" ? null : text;
}

/** A change of an instance's offers. */
export interface OffersChange {
  readonly put: readonly Offer[];
  readonly gone: readonly string[];
}

/** What a change comes to: of a repeated name the last offer counts, and a name that is also put stays. */
function effectOf({ put, gone }: OffersChange): { put: ReadonlyMap<string, Offer>; gone: readonly string[] } {
  const offers = new Map(put.map((offer) => [offer.name, offer]));
  return { put: offers, gone: gone.filter((name) => !offers.has(name)) };
}

function isStored(offer: Offer, stored: ReadonlyMap<string, OfferColumns>): boolean {
  const known = stored.get(offer.name);
  return known !== undefined && offerText(known) === offerText(columnsOf(offer));
}

const NO_OFFERS: OfferSnapshot = { ofSite: new Map(), ofService: new Map() };

export class Offers {
  readonly #sql: Sql;
  #snapshot = NO_OFFERS;
  /** Sites whose offers changed since the snapshot; null: any may have changed. */
  #changed: Set<string> | null = null;
  readonly #firstLost: Memo<number | null>;
  readonly #balances: Balances;
  readonly #scopes = new Parsed((json): readonly string[] => Scope.parse(JSON.parse(json)));
  readonly #ports = new Parsed((json) => Ports.parse(JSON.parse(json)));
  readonly #routings = new Parsed((json): Routing => StoredRouting.parse(JSON.parse(json)));
  readonly #details = new Parsed((json): OfferDetails => StoredDetails.parse(JSON.parse(json)));
  /** Ports of services. */
  readonly #numbers = new Parsed((json): readonly number[] => this.#ports.of(json).map(({ port }) => port));
  /** Ports of offers. The text begins with the protocol of the offer. */
  readonly #served = new Parsed((text): readonly ServicePort[] => {
    const at = text.indexOf(" ");
    const ofOffer = text.slice(0, at) as ServiceProtocol;
    return this.#ports.of(text.slice(at + 1)).map(({ port, protocol = ofOffer }) => ({ port, protocol }));
  });

  constructor(sql: Sql, balances: Balances) {
    this.#sql = sql;
    this.#balances = balances;
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
      .map((row) => this.#offer(row));
  }

  #offer(row: Row): StoredOffer {
    const [service, site] = [text(row, "service"), text(row, "site")];
    const scope = optional(row, "to_sites");
    const routing = optional(row, "routing");
    const details = optional(row, "details");
    return {
      service,
      ...this.#portsOf(row),
      routing: this.#balances.applied(
        service,
        site,
        routing === undefined ? NO_ROUTING : this.#routings.of(routing),
      ),
      details: details === undefined ? null : this.#details.of(details),
      instance: { site, siteName: text(row, "site_name"), boot: text(row, "boot") },
      encryption: Encryption.parse(text(row, "encryption")),
      to: scope === undefined ? null : this.#scopes.of(scope),
      since: number(row, "since"),
      refused: optional(row, "refused") ?? null,
      downCode: optional(row, "down_code") ?? null,
      downSince: time(row, "down_since"),
    };
  }

  #portsOf(row: Row): Pick<StoredOffer, "ports" | "servicePorts" | "wish"> {
    const [protocol, asked] = [text(row, "protocol"), optional(row, "ports")];
    const wanted = asked ?? `[{"port":${number(row, "port")}}]`;
    const wish = { ports: this.#numbers.of(wanted), explicit: asked !== undefined };
    const settled = optional(row, "service_ports");
    const servicePorts = settled === undefined ? wish.ports : this.#numbers.of(settled);
    const served = asked ?? `[{"port":${servicePorts[0]}}]`;
    return { ports: this.#served.of(`${protocol} ${served}`), servicePorts, wish };
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

  #columns({ site, boot }: InstanceId): Map<string, KnownColumns> {
    const rows = this.#sql.rows(
      `SELECT service, protocol, port, ports, encryption, to_sites, routing, details, down_code, down_since, stays
        FROM offers WHERE site = ? AND boot = ?`,
      site,
      boot,
    );
    return new Map(
      rows.map((row): [string, KnownColumns] => {
        const routing = optional(row, "routing") ?? null;
        return [
          text(row, "service"),
          {
            protocol: text(row, "protocol"),
            port: number(row, "port"),
            ports: optional(row, "ports") ?? null,
            encryption: text(row, "encryption"),
            to: optional(row, "to_sites") ?? null,
            routing,
            details: optional(row, "details") ?? null,
            downCode: optional(row, "down_code") ?? null,
            stays: optional(row, "stays") === undefined ? null : 1,
            isDown: routing !== null && isDown(this.#routings.of(routing)),
            downSince: time(row, "down_since"),
          },
        ];
      }),
    );
  }

  /**
   * Replaces all offers of an instance. New offers stay undecided until the next decision. An offer of which only the
   * routing or the details change keeps its age. An offer that stays down keeps the time since when it is.
   */
  replace(instance: InstanceId, offers: readonly Offer[], now: number): void {
    const names = new Set(offers.map(({ name }) => name));
    const gone = [...this.#columns(instance).keys()].filter((name) => !names.has(name));
    this.change(instance, { put: offers, gone }, now);
  }

  /** Changes some offers of an instance, and marks none of its offers as lost any longer. See {@link replace}. */
  change(instance: InstanceId, change: OffersChange, now: number): void {
    const before = this.#columns(instance);
    const { put, gone } = effectOf(change);
    for (const offer of put.values()) this.#put(instance, offer, before.get(offer.name), now);
    for (const name of gone) {
      if (!before.has(name)) continue;
      this.#sql.write(
        [["offers", instance.site], "losses"],
        "DELETE FROM offers WHERE site = ? AND boot = ? AND service = ?",
        instance.site,
        instance.boot,
        name,
      );
    }
    this.clearLost(instance);
  }

  #put({ site, boot }: InstanceId, offer: Offer, known: KnownColumns | undefined, now: number): void {
    const changes = [["offers", site], "losses"] as const;
    const columns = columnsOf(offer);
    const { protocol, port, ports, encryption, to, routing, details, downCode, stays } = columns;
    const downSince = isDown(offer) ? (known?.isDown ? known.downSince : now) : null;
    if (known !== undefined && contentOf(known) === contentOf(columns)) {
      if (offerText(known) === offerText(columns)) return;
      this.#sql.write(
        changes,
        `UPDATE offers SET routing = ?, details = ?, down_code = ?, down_since = ?, stays = ?
          WHERE site = ? AND boot = ? AND service = ?`,
        routing,
        details,
        downCode,
        downSince,
        stays,
        site,
        boot,
        offer.name,
      );
      return;
    }
    this.#sql.write(
      changes,
      `INSERT INTO offers
        (site, boot, service, protocol, port, ports, since, encryption, to_sites, routing, details, down_code,
        down_since, stays, refused)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (site, boot, service) DO UPDATE SET
        protocol = excluded.protocol, port = excluded.port, ports = excluded.ports, since = excluded.since,
        encryption = excluded.encryption, to_sites = excluded.to_sites, routing = excluded.routing,
        details = excluded.details, down_code = excluded.down_code, down_since = excluded.down_since,
        stays = excluded.stays`,
      site,
      boot,
      offer.name,
      protocol,
      port,
      ports,
      now,
      encryption,
      to,
      routing,
      details,
      downCode,
      downSince,
      stays,
      UNDECIDED,
    );
  }

  /** Whether the stored offers of an instance equal the given ones. */
  hasExactly(instance: InstanceId, offers: readonly Offer[]): boolean {
    const before = this.#columns(instance);
    const wanted = effectOf({ put: offers, gone: [] }).put;
    return before.size === wanted.size && [...wanted.values()].every((offer) => isStored(offer, before));
  }

  /** Whether a change would change nothing. */
  hasAlready(instance: InstanceId, change: OffersChange): boolean {
    const before = this.#columns(instance);
    const { put, gone } = effectOf(change);
    return (
      [...put.values()].every((offer) => isStored(offer, before)) && !gone.some((name) => before.has(name))
    );
  }

  /** How many offers an instance would have after a change, and how long their details would be together. */
  sizeAfter(
    instance: InstanceId,
    change: OffersChange,
  ): { readonly offers: number; readonly details: number } {
    const { put, gone } = effectOf(change);
    const details = new Map([...this.#columns(instance)].map(([name, columns]) => [name, columns.details]));
    for (const offer of put.values()) details.set(offer.name, detailsText(offer));
    for (const name of gone) details.delete(name);
    let length = 0;
    for (const text of details.values()) length += text?.length ?? 0;
    return { offers: details.size, details: length };
  }

  /** The offers, where details follow with those that this or another process of the site gave last, if any did. */
  withKnownDetails(site: string, offers: readonly Offer[]): readonly Offer[] {
    if (!offers.some(({ detailsFollow }) => detailsFollow)) return offers;
    const known = new Map(
      (this.snapshot().ofSite.get(site) ?? []).flatMap(({ service, details }) =>
        details === null || details.detailsFollow ? [] : [[service, details] as const],
      ),
    );
    return offers.map((offer) => {
      const details = offer.detailsFollow ? known.get(offer.name) : undefined;
      return details === undefined ? offer : { ...offer, detailsFollow: undefined, ...details };
    });
  }

  /** Stores the decision about an offer: why it is refused, or the ports that its service has. */
  decide({ site, boot }: InstanceId, service: string, { refused, servicePorts }: Decision): void {
    this.#sql.write(
      [["offers", site]],
      "UPDATE offers SET refused = ?, service_ports = ? WHERE site = ? AND boot = ? AND service = ?",
      refused,
      refused === null ? JSON.stringify(servicePorts.map((port) => ({ port }))) : null,
      site,
      boot,
      service,
    );
  }

  /** The services that an instance offers, and no other instance of its site. */
  onlyOf({ site, boot }: InstanceId): string[] {
    const offers = this.snapshot().ofSite.get(site) ?? [];
    const others = new Set(
      offers.filter(({ instance }) => instance.boot !== boot).map(({ service }) => service),
    );
    return offers
      .filter(({ instance, service }) => instance.boot === boot && !others.has(service))
      .map(({ service }) => service);
  }

  /** Clears the loss of an instance that has an uplink again. */
  clearLost({ site, boot }: InstanceId): void {
    const where = "WHERE site = ? AND boot = ? AND lost_at IS NOT NULL";
    this.#sql.write(["losses"], `UPDATE offers SET lost_at = NULL, away_at = NULL ${where}`, site, boot);
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

  /**
   * Ends the time in which lost instances were expected back. Drops their offers that were lost at or before `time`; the
   * last offer of a site that stays has its ports down from now on.
   */
  endGrace(time: number, now: number): void {
    const due = "lost_at <= ? AND away_at IS NULL";
    const hasOther = `EXISTS (SELECT 1 FROM offers AS other WHERE other.site = offers.site
      AND other.service = offers.service AND other.boot != offers.boot
      AND (other.lost_at IS NULL OR (other.lost_at, other.boot) > (offers.lost_at, offers.boot)))`;
    const snapshot = this.snapshot();
    const dropped = this.#sql.write(
      ["losses"],
      `DELETE FROM offers WHERE ${due} AND (stays IS NULL OR ${hasOther}) RETURNING site`,
      time,
    );
    const left = this.#sql.rows(`SELECT site, boot, service, routing FROM offers WHERE ${due}`, time);
    for (const row of left) {
      const [site, boot, service] = [text(row, "site"), text(row, "boot"), text(row, "service")];
      const offer = snapshot.ofSite
        .get(site)
        ?.find((each) => each.service === service && each.instance.boot === boot);
      const routing = optional(row, "routing");
      this.#sql.write(
        ["losses"],
        `UPDATE offers SET routing = ?, away_at = ?, down_code = 'uplink.lost', down_since = coalesce(down_since, lost_at)
          WHERE site = ? AND boot = ? AND service = ?`,
        routingText({
          ...(routing === undefined ? NO_ROUTING : this.#routings.of(routing)),
          down: offer?.ports.map(({ port }) => port),
        }),
        now,
        site,
        boot,
        service,
      );
    }
    for (const row of [...dropped, ...left]) this.#sql.mutations.note(["offers", text(row, "site")]);
  }

  /** When the earliest offer was lost whose instance is still expected, ms since 1970; null if none is. */
  firstLost(): number | null {
    return this.#firstLost.value;
  }

  #readFirstLost(): number | null {
    const row = this.#sql.row("SELECT min(lost_at) AS at FROM offers WHERE away_at IS NULL");
    return row && time(row, "at");
  }
}

/** What identifies a listener of an instance. */
export const listenerKey = ({ service, port = 0 }: Pick<ListenerReport, "service" | "port">): string =>
  `${service} ${port}`;

/** A listener as its instance reported it. */
export interface StoredListener extends ListenerReport {
  /** When it took its state, ms since 1970; null if an earlier version stored it. */
  readonly since: number | null;
}

export class Listeners {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  #listener(row: Row): StoredListener {
    const port = number(row, "port");
    return {
      service: text(row, "service"),
      ...(port === 0 ? {} : { port }),
      address: text(row, "address"),
      state: text(row, "state") === "failed" ? "failed" : "listening",
      code: optional(row, "code"),
      message: optional(row, "message"),
      since: time(row, "since"),
    };
  }

  /** The last reported listeners of an instance, by service and port. */
  of({ site, boot }: InstanceId): StoredListener[] {
    return this.#sql
      .rows(
        `SELECT * FROM listeners WHERE site = ${TEXT_PARAMETER} AND boot = ${TEXT_PARAMETER}
          ORDER BY service, port`,
        site,
        boot,
      )
      .map((row) => this.#listener(row));
  }

  /**
   * Replaces all listeners of an instance, and returns the previous ones. A listener that keeps its state keeps its
   * time.
   */
  replace(instance: InstanceId, reports: readonly ListenerReport[], now: number): StoredListener[] {
    const { site, boot } = instance;
    const before = this.of(instance);
    const known = new Map(before.map((former) => [listenerKey(former), former]));
    const wanted = new Map(reports.map((report) => [listenerKey(report), report]));
    for (const former of before) {
      if (wanted.has(listenerKey(former))) continue;
      const where = "WHERE site = ? AND boot = ? AND service = ? AND port = ?";
      const changes = [["listeners", site]] as const;
      this.#sql.write(
        changes,
        `DELETE FROM listeners ${where}`,
        site,
        boot,
        former.service,
        former.port ?? 0,
      );
    }
    for (const [key, { service, port, address, state, code, message }] of wanted) {
      const former = known.get(key);
      const since = former?.state === state ? former.since : now;
      const isKnown =
        former?.state === state &&
        former.address === address &&
        former.code === code &&
        former.message === message;
      if (isKnown) continue;
      this.#sql.write(
        [["listeners", site]],
        `INSERT OR REPLACE INTO listeners (site, boot, service, port, address, state, code, message, since)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        site,
        boot,
        service,
        port ?? 0,
        address,
        state,
        code ?? null,
        message ?? null,
        since,
      );
    }
    return before;
  }
}
