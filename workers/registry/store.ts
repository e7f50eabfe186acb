/** The registry's storage behind typed functions: the only file with SQL besides schema.ts. Times are ms. */
import type { EventType, NetworkEvent } from "../../protocol/api.ts";
import type { ListenerReport, Offer } from "../../protocol/messages.ts";
import type { ServiceProtocol } from "../../protocol/names.ts";
import type { Edge, OfferRow } from "./reachability.ts";

/** How many events a network keeps: the newest. */
export const EVENTS_KEPT = 10_000;

/** How long the last counter of an assertion is kept: longer than any assertion is good for. */
const ASSERTION_MEMORY_MS = 10 * 60_000;

export interface NetworkRow {
  id: string;
  name: string;
  createdAt: number;
  certificate: Uint8Array<ArrayBuffer>;
  sealedKey: Uint8Array<ArrayBuffer>;
}

export interface IssuerRow {
  id: string;
  certificate: Uint8Array<ArrayBuffer>;
  sealedKey: Uint8Array<ArrayBuffer>;
}

export type SiteRowState = "up" | "down" | "revoked";

export interface SiteRow {
  id: string;
  name: string;
  publicKey: Uint8Array<ArrayBuffer>;
  keyHash: string;
  state: SiteRowState;
  since: number;
  createdAt: number;
}

export interface TokenRow {
  id: string;
  issuer: string;
  secretHash: Uint8Array<ArrayBuffer>;
  uses: number;
  used: number;
  createdAt: number;
  expiresAt: number;
  revokedAt: number | null;
}

export interface LinkRow {
  id: string;
  name: string;
  joiner: string;
  issuer: string;
  cost: number;
  certificate: Uint8Array<ArrayBuffer>;
  createdAt: number;
}

export interface CertificateRow {
  serial: string;
  site: string;
  certificate: Uint8Array<ArrayBuffer>;
  notAfter: number;
  revokedAt: number | null;
}

export interface SessionRow {
  bootA: string;
  bootB: string;
  siteA: string;
  siteB: string;
  id: string;
  generation: number;
  grantedAt: number;
}

export interface Redemption {
  site: string;
  link: string;
  serial: string;
}

type Row = Record<string, SqlStorageValue>;

const text = (row: Row, column: string): string => String(row[column]);
const number = (row: Row, column: string): number => Number(row[column]);
const time = (row: Row, column: string): number | null => {
  const value = row[column];
  return value === null || value === undefined ? null : Number(value);
};
const bytes = (row: Row, column: string): Uint8Array<ArrayBuffer> => {
  const value = row[column];
  if (!(value instanceof ArrayBuffer)) throw new TypeError(`column ${column} is not a blob`);
  return new Uint8Array(value);
};
/** Exactly the bytes of a view, as storage takes them. */
const blob = (view: Uint8Array<ArrayBuffer>): ArrayBuffer =>
  view.byteLength === view.buffer.byteLength ? view.buffer : view.slice().buffer;
const optional = (row: Row, column: string): string | undefined => {
  const value = row[column];
  return value === null || value === undefined ? undefined : String(value);
};

export class Store {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Runs `work` so that all of its writes happen or, if it throws, none. */
  transaction<T>(work: () => T): T {
    return this.#storage.transactionSync(work);
  }

  #rows(sql: string, ...values: SqlStorageValue[]): Row[] {
    return this.#storage.sql.exec(sql, ...values).toArray();
  }

  #run(sql: string, ...values: SqlStorageValue[]): number {
    return this.#storage.sql.exec(sql, ...values).rowsWritten;
  }

  // ---- network and issuers

  network(): NetworkRow | null {
    const [row] = this.#rows("SELECT * FROM network");
    if (!row) return null;
    return {
      id: text(row, "id"),
      name: text(row, "name"),
      createdAt: number(row, "created_at"),
      certificate: bytes(row, "ca_certificate"),
      sealedKey: bytes(row, "ca_key_sealed"),
    };
  }

  putNetwork(network: NetworkRow): void {
    this.#run(
      "INSERT INTO network VALUES (?, ?, ?, ?, ?)",
      network.id,
      network.name,
      network.createdAt,
      blob(network.certificate),
      blob(network.sealedKey),
    );
  }

  issuer(id: string): IssuerRow | null {
    const [row] = this.#rows("SELECT * FROM issuers WHERE id = ?", id);
    if (!row) return null;
    return {
      id: text(row, "id"),
      certificate: bytes(row, "certificate"),
      sealedKey: bytes(row, "key_sealed"),
    };
  }

  putIssuer(issuer: IssuerRow, now: number): void {
    this.#run(
      "INSERT OR REPLACE INTO issuers VALUES (?, ?, ?, ?)",
      issuer.id,
      blob(issuer.certificate),
      blob(issuer.sealedKey),
      now,
    );
  }

  // ---- sites and their certificates

  #site(row: Row): SiteRow {
    return {
      id: text(row, "id"),
      name: text(row, "name"),
      publicKey: bytes(row, "public_key"),
      keyHash: text(row, "key_hash"),
      state: text(row, "state") as SiteRowState,
      since: number(row, "since"),
      createdAt: number(row, "created_at"),
    };
  }

  sites(): SiteRow[] {
    return this.#rows("SELECT * FROM sites ORDER BY name").map((row) => this.#site(row));
  }

  site(id: string): SiteRow | null {
    const [row] = this.#rows("SELECT * FROM sites WHERE id = ?", id);
    return row ? this.#site(row) : null;
  }

  siteNamed(name: string): SiteRow | null {
    const [row] = this.#rows("SELECT * FROM sites WHERE name = ?", name);
    return row ? this.#site(row) : null;
  }

  siteWithKey(keyHash: string): SiteRow | null {
    const [row] = this.#rows("SELECT * FROM sites WHERE key_hash = ?", keyHash);
    return row ? this.#site(row) : null;
  }

  putSite(site: SiteRow): void {
    this.#run(
      "INSERT INTO sites VALUES (?, ?, ?, ?, ?, ?, ?)",
      site.id,
      site.name,
      blob(site.publicKey),
      site.keyHash,
      site.state,
      site.since,
      site.createdAt,
    );
  }

  setSiteState(id: string, state: SiteRowState, since: number): void {
    this.#run("UPDATE sites SET state = ?, since = ? WHERE id = ?", state, since, id);
  }

  /** Forgets a site and everything that hangs on it, its events excepted. */
  deleteSite(id: string): void {
    this.#run("DELETE FROM sites WHERE id = ?", id);
    for (const table of ["certificates", "redemptions", "offers", "listeners", "assertions"]) {
      this.#run(`DELETE FROM ${table} WHERE site = ?`, id);
    }
    this.#run("DELETE FROM links WHERE joiner = ? OR issuer = ?", id, id);
  }

  certificate(serial: string): CertificateRow | null {
    const [row] = this.#rows("SELECT * FROM certificates WHERE serial = ?", serial);
    return row ? this.#certificate(row) : null;
  }

  newestCertificate(site: string): CertificateRow | null {
    const [row] = this.#rows(
      "SELECT * FROM certificates WHERE site = ? ORDER BY not_after DESC LIMIT 1",
      site,
    );
    return row ? this.#certificate(row) : null;
  }

  #certificate(row: Row): CertificateRow {
    return {
      serial: text(row, "serial"),
      site: text(row, "site"),
      certificate: bytes(row, "certificate"),
      notAfter: number(row, "not_after"),
      revokedAt: time(row, "revoked_at"),
    };
  }

  putCertificate(certificate: Omit<CertificateRow, "revokedAt">): void {
    this.#run(
      "INSERT INTO certificates VALUES (?, ?, ?, ?, NULL)",
      certificate.serial,
      certificate.site,
      blob(certificate.certificate),
      certificate.notAfter,
    );
  }

  revokeCertificates(site: string, at: number): void {
    this.#run("UPDATE certificates SET revoked_at = ? WHERE site = ? AND revoked_at IS NULL", at, site);
  }

  /** Forgets certificates that ended before `time`: too old even to renew. */
  pruneCertificates(time: number): void {
    this.#run("DELETE FROM certificates WHERE not_after < ?", time);
  }

  /**
   * Notes an assertion's counter. False when this or a later one of that process was seen: a replay.
   */
  noteAssertion(site: string, boot: string, counter: number, now: number): boolean {
    this.#run("DELETE FROM assertions WHERE at < ?", now - ASSERTION_MEMORY_MS);
    const [row] = this.#rows("SELECT counter FROM assertions WHERE site = ? AND boot = ?", site, boot);
    if (row && number(row, "counter") >= counter) return false;
    this.#run("INSERT OR REPLACE INTO assertions VALUES (?, ?, ?, ?)", site, boot, counter, now);
    return true;
  }

  // ---- tokens

  #token(row: Row): TokenRow {
    return {
      id: text(row, "id"),
      issuer: text(row, "issuer"),
      secretHash: bytes(row, "secret_hash"),
      uses: number(row, "uses"),
      used: number(row, "used"),
      createdAt: number(row, "created_at"),
      expiresAt: number(row, "expires_at"),
      revokedAt: time(row, "revoked_at"),
    };
  }

  tokens(): TokenRow[] {
    return this.#rows("SELECT * FROM tokens ORDER BY created_at, id").map((row) => this.#token(row));
  }

  token(id: string): TokenRow | null {
    const [row] = this.#rows("SELECT * FROM tokens WHERE id = ?", id);
    return row ? this.#token(row) : null;
  }

  putToken(token: TokenRow): void {
    this.#run(
      "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
      token.id,
      token.issuer,
      blob(token.secretHash),
      token.uses,
      token.used,
      token.createdAt,
      token.expiresAt,
    );
  }

  revokeToken(id: string, at: number): void {
    this.#run("UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", at, id);
  }

  redemption(token: string, keyHash: string): Redemption | null {
    const [row] = this.#rows("SELECT * FROM redemptions WHERE token = ? AND key_hash = ?", token, keyHash);
    if (!row) return null;
    return { site: text(row, "site"), link: text(row, "link"), serial: text(row, "serial") };
  }

  putRedemption(token: string, keyHash: string, redemption: Redemption, at: number): void {
    this.#run(
      "INSERT INTO redemptions VALUES (?, ?, ?, ?, ?, ?)",
      token,
      keyHash,
      redemption.site,
      redemption.link,
      redemption.serial,
      at,
    );
    this.#run("UPDATE tokens SET used = used + 1 WHERE id = ?", token);
  }

  // ---- links

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

  links(): LinkRow[] {
    return this.#rows("SELECT * FROM links ORDER BY created_at, id").map((row) => this.#link(row));
  }

  link(id: string): LinkRow | null {
    const [row] = this.#rows("SELECT * FROM links WHERE id = ?", id);
    return row ? this.#link(row) : null;
  }

  linksOf(joiner: string): LinkRow[] {
    return this.#rows("SELECT * FROM links WHERE joiner = ? ORDER BY created_at, id", joiner).map((row) =>
      this.#link(row),
    );
  }

  putLink(link: LinkRow): void {
    this.#run(
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

  setLinkCertificate(id: string, certificate: Uint8Array<ArrayBuffer>): void {
    this.#run("UPDATE links SET certificate = ? WHERE id = ?", blob(certificate), id);
  }

  /** Links of members that were not revoked. */
  edges(): Edge[] {
    return this.#rows(
      "SELECT joiner, issuer FROM links JOIN sites ON sites.id = links.joiner WHERE sites.state != 'revoked'",
    ).map((row) => ({ joiner: text(row, "joiner"), issuer: text(row, "issuer") }));
  }

  // ---- offers and listeners

  offers(): OfferRow[] {
    return this.#rows(
      "SELECT offers.*, sites.name AS site_name FROM offers JOIN sites ON sites.id = offers.site WHERE sites.state != 'revoked'",
    ).map((row) => ({
      service: text(row, "service"),
      protocol: text(row, "protocol") as ServiceProtocol,
      port: number(row, "port"),
      instance: { site: text(row, "site"), siteName: text(row, "site_name"), boot: text(row, "boot") },
      since: number(row, "since"),
    }));
  }

  /** Makes `offers` everything that the instance offers, and tells which names changed. */
  replaceOffers(site: string, boot: string, offers: readonly Offer[], now: number): string[] {
    const before = new Map(
      this.#rows("SELECT service, protocol, port FROM offers WHERE boot = ?", boot).map((row) => [
        text(row, "service"),
        `${text(row, "protocol")}:${number(row, "port")}`,
      ]),
    );
    const changed: string[] = [];
    const kept = new Set<string>();
    for (const offer of offers) {
      kept.add(offer.name);
      if (before.get(offer.name) === `${offer.protocol}:${offer.port}`) continue;
      changed.push(offer.name);
      this.#run(
        "INSERT OR REPLACE INTO offers VALUES (?, ?, ?, ?, ?, ?, NULL)",
        site,
        boot,
        offer.name,
        offer.protocol,
        offer.port,
        now,
      );
    }
    for (const name of before.keys()) {
      if (kept.has(name)) continue;
      changed.push(name);
      this.#run("DELETE FROM offers WHERE boot = ? AND service = ?", boot, name);
    }
    this.#run("UPDATE offers SET lost_at = NULL WHERE boot = ?", boot);
    return changed;
  }

  /** The instances of a site that have offers. */
  offeringBoots(site: string): string[] {
    return this.#rows("SELECT DISTINCT boot FROM offers WHERE site = ?", site).map((row) =>
      text(row, "boot"),
    );
  }

  markOffersLost(boot: string, at: number): void {
    this.#run("UPDATE offers SET lost_at = ? WHERE boot = ? AND lost_at IS NULL", at, boot);
  }

  /** Instances with offers that nobody marked as lost. */
  bootsWithOffers(): string[] {
    return this.#rows("SELECT DISTINCT boot FROM offers WHERE lost_at IS NULL").map((row) =>
      text(row, "boot"),
    );
  }

  /** Drops offers lost at or before `time`, and tells the names and sites. */
  dropLostOffers(time: number): { service: string; site: string }[] {
    return this.#rows("DELETE FROM offers WHERE lost_at <= ? RETURNING service, site", time).map((row) => ({
      service: text(row, "service"),
      site: text(row, "site"),
    }));
  }

  /** When the first of the lost offers was lost; null when none is. */
  firstLost(): number | null {
    const [row] = this.#rows("SELECT min(lost_at) AS at FROM offers");
    return row ? time(row, "at") : null;
  }

  listeners(site: string): ListenerReport[] {
    return this.#rows("SELECT * FROM listeners WHERE site = ? ORDER BY service", site).map((row) =>
      this.#listener(row),
    );
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

  /** Makes `reports` everything known of the instance's listeners, and gives back what was known. */
  replaceListeners(site: string, boot: string, reports: readonly ListenerReport[]): ListenerReport[] {
    const before = this.#rows("SELECT * FROM listeners WHERE boot = ?", boot).map((row) =>
      this.#listener(row),
    );
    this.#run("DELETE FROM listeners WHERE boot = ?", boot);
    for (const report of reports) {
      this.#run(
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

  dropInstance(boot: string): void {
    this.#run("DELETE FROM listeners WHERE boot = ?", boot);
    this.#run("DELETE FROM sessions WHERE boot_a = ? OR boot_b = ?", boot, boot);
  }

  // ---- sessions

  #session(row: Row): SessionRow {
    return {
      bootA: text(row, "boot_a"),
      bootB: text(row, "boot_b"),
      siteA: text(row, "site_a"),
      siteB: text(row, "site_b"),
      id: text(row, "id"),
      generation: number(row, "generation"),
      grantedAt: number(row, "granted_at"),
    };
  }

  session(bootA: string, bootB: string): SessionRow | null {
    const [row] = this.#rows("SELECT * FROM sessions WHERE boot_a = ? AND boot_b = ?", bootA, bootB);
    return row ? this.#session(row) : null;
  }

  sessionById(id: string): SessionRow | null {
    const [row] = this.#rows("SELECT * FROM sessions WHERE id = ?", id);
    return row ? this.#session(row) : null;
  }

  sessionsOfBoot(boot: string): SessionRow[] {
    return this.#rows("SELECT * FROM sessions WHERE boot_a = ? OR boot_b = ?", boot, boot).map((row) =>
      this.#session(row),
    );
  }

  sessionsOfSite(site: string): SessionRow[] {
    return this.#rows("SELECT * FROM sessions WHERE site_a = ? OR site_b = ?", site, site).map((row) =>
      this.#session(row),
    );
  }

  sessions(): SessionRow[] {
    return this.#rows("SELECT * FROM sessions").map((row) => this.#session(row));
  }

  sessionCount(): number {
    const [row] = this.#rows("SELECT count(*) AS count FROM sessions");
    return row ? number(row, "count") : 0;
  }

  putSession(session: SessionRow): void {
    this.#run(
      "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)",
      session.bootA,
      session.bootB,
      session.siteA,
      session.siteB,
      session.id,
      session.generation,
      session.grantedAt,
    );
  }

  deleteSession(id: string, generation?: number): boolean {
    return (
      (generation === undefined
        ? this.#run("DELETE FROM sessions WHERE id = ?", id)
        : this.#run("DELETE FROM sessions WHERE id = ? AND generation = ?", id, generation)) > 0
    );
  }

  // ---- events

  addEvent(event: {
    at: number;
    type: EventType;
    site?: string | undefined;
    text: string;
    code?: string | undefined;
    actor: string;
  }): void {
    const [row] = this.#rows(
      "INSERT INTO events (at, type, site, text, code, actor) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
      event.at,
      event.type,
      event.site ?? null,
      event.text,
      event.code ?? null,
      event.actor,
    );
    if (row) this.#run("DELETE FROM events WHERE id <= ?", number(row, "id") - EVENTS_KEPT);
  }

  /** The newest `limit` events that fit, oldest first. */
  events(query: { after?: number | undefined; type?: EventType | undefined; limit: number }): NetworkEvent[] {
    const rows = this.#rows(
      "SELECT * FROM events WHERE id > ? AND (? IS NULL OR type = ?) ORDER BY id DESC LIMIT ?",
      query.after ?? 0,
      query.type ?? null,
      query.type ?? null,
      query.limit,
    );
    return rows.reverse().map((row) => {
      const site = optional(row, "site");
      const code = optional(row, "code");
      return {
        id: number(row, "id"),
        at: new Date(number(row, "at")).toISOString(),
        type: text(row, "type") as EventType,
        ...(site === undefined ? {} : { site }),
        text: text(row, "text"),
        ...(code === undefined ? {} : { code }),
        actor: text(row, "actor"),
      };
    });
  }
}
