/**
 * The event log: the newest events. Events that others than the operator can cause at will have shares of
 * their own: refusals, caused by strangers, and the events of each site. A share displaces only its own
 * events.
 */
import type { EventPage, EventType, NetworkEvent, NetworkEventQuery } from "../../../protocol/api/events.ts";
import { pageOf, selectEvents } from "../../event-query.ts";
import { type Change, KeyedMemo } from "./mutations.ts";
import { number, optional, type Row, type Sql, TEXT_PARAMETER, text } from "./sql.ts";

/** The shares that do not belong to a site. A site's share has the site's id. */
const EDGE = "edge";
const STRANGERS = "strangers";
/** The total of all sites' shares. */
const SITES = "sites";
const OF_NO_SITE = `('${EDGE}', '${STRANGERS}', '${SITES}')`;

/** Sizes of shares relative to the quota: refusals, each site, and all sites together. */
const SHARE_RATIOS = { strangers: 1 / 10, site: 1 / 20, sites: 1 / 2 } as const;

/**
 * Most separate events of one type that a site can add per minute. Further ones are counted in the last one.
 */
const BURST = 20;
const FOLDED_MS = 60_000;

/** Events that are read back, and so must stay separate. */
const NEVER_FOLDED: ReadonlySet<EventType> = new Set(["site.clock"]);

const isRefusal = (type: EventType): boolean => type === "token.refused" || type === "uplink.refused";

/** The common fields of events that are added together. */
export interface NewEvent {
  at: number;
  type: EventType;
  site?: string | undefined;
  /** Id of the site whose share the events count against. */
  owner?: string | undefined;
  actor: string;
}

export interface EventText {
  readonly text: string;
  readonly code?: string | undefined;
}

const shareOf = (type: EventType, owner: string | undefined): string =>
  owner ?? (isRefusal(type) ? STRANGERS : EDGE);

/** An added or dropped event changes the size of its share and the total of all sites. */
const changesOf = (share: string): Change[] => [
  ["events", share],
  ["events", SITES],
];

export class Events {
  readonly #sql: Sql;
  /** The network's quota of events. Sites' shares come on top. */
  readonly #quota: () => number;
  /** Number of stored events of a share. */
  readonly #kept: KeyedMemo<number>;
  /** Place of the newest event of a share; 0 without any. */
  readonly #places: KeyedMemo<number>;
  /** Whether every share is known to be within its limit. True after each event, once all were checked. */
  #isPruned = false;

  constructor(sql: Sql, quota: () => number) {
    this.#sql = sql;
    this.#quota = quota;
    this.#kept = new KeyedMemo(sql.mutations, "events", (share) => this.#readKept(share));
    this.#places = new KeyedMemo(sql.mutations, "events", (share) => this.#readPlace(share));
    sql.mutations.on(["events"], (key) => {
      if (key === null) this.#isPruned = false;
    });
  }

  /** Adds events, oldest first. A site's events beyond the burst are folded into one row. */
  add(event: NewEvent, what: readonly EventText[]): void {
    const folds = event.owner !== undefined && !NEVER_FOLDED.has(event.type);
    const share = shareOf(event.type, event.owner);
    const recent = folds ? this.#recent(share, event) : [];
    const alone = folds ? Math.max(0, BURST - recent.length) : what.length;
    let newest = recent[0];
    for (const one of what.slice(0, alone)) newest = this.#insert(share, event, one);
    const last = what.at(-1);
    if (last && newest !== undefined && what.length > alone) {
      this.#sql.write(
        [["folds", String(newest)]],
        "UPDATE events SET count = count + ?, at = ?, site = ?, text = ?, code = ?, actor = ? WHERE id = ?",
        what.length - alone,
        event.at,
        event.site ?? null,
        last.text,
        last.code ?? null,
        event.actor,
        newest,
      );
    }
    if (what.length > 0 && alone > 0) this.#pruneAfter(share);
  }

  /** Ids of a share's events of one type that began within the last minute, newest first; at most BURST. */
  #recent(share: string, { type, at }: NewEvent): number[] {
    return this.#sql
      .rows(
        `SELECT id, since FROM events WHERE share = ${TEXT_PARAMETER} AND type = ${TEXT_PARAMETER}
          ORDER BY id DESC LIMIT ${BURST}`,
        share,
        type,
      )
      .filter((row) => number(row, "since") <= at && at - number(row, "since") < FOLDED_MS)
      .map((row) => number(row, "id"));
  }

  #insert(share: string, event: NewEvent, { text, code }: EventText): number {
    const shares = share === EDGE || share === STRANGERS ? [share] : [share, SITES];
    const kept = shares.map((each) => [each, this.#kept.get(each)] as const);
    const place = this.#places.get(share) + 1;
    const [row] = this.#sql.write(
      changesOf(share),
      `INSERT INTO events (at, since, type, site, text, code, actor, share, place)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
      event.at,
      event.at,
      event.type,
      event.site ?? null,
      text,
      code ?? null,
      event.actor,
      share,
      place,
    );
    for (const [each, count] of kept) this.#kept.put(each, count + 1);
    this.#places.put(share, place);
    return row ? number(row, "id") : 0;
  }

  /**
   * Drops the oldest events of each share beyond its limit. If all sites together exceed theirs, the largest
   * shares shrink first, so that each site keeps an equal part.
   */
  prune(): void {
    const quota = this.#quota();
    this.#pruneEdge(quota);
    const each = Math.floor(quota * SHARE_RATIOS.site);
    for (const { share, kept } of this.#largest(each)) this.#drop(share, kept - each);
    this.#pruneSites(quota);
    this.#isPruned = true;
  }

  /** Prunes after an event was added to a share, if all others are within their limits. */
  #pruneAfter(share: string): void {
    if (!this.#isPruned) {
      this.prune();
      return;
    }
    const quota = this.#quota();
    if (share === EDGE || share === STRANGERS) {
      this.#pruneEdge(quota);
      return;
    }
    this.#limit(share, Math.floor(quota * SHARE_RATIOS.site));
    this.#pruneSites(quota);
  }

  /** Prunes the shares that do not belong to a site. */
  #pruneEdge(quota: number): void {
    this.#limit(STRANGERS, Math.floor(quota * SHARE_RATIOS.strangers));
    this.#limit(EDGE, quota - this.#kept.get(STRANGERS));
  }

  /** Prunes the sites' shares to their common limit. */
  #pruneSites(quota: number): void {
    for (;;) {
      const excess = this.#kept.get(SITES) - Math.floor(quota * SHARE_RATIOS.sites);
      const [first, second] = excess > 0 ? this.#largest(0, 2) : [];
      if (!first) return;
      this.#drop(first.share, Math.min(excess, Math.max(1, first.kept - (second?.kept ?? 0))));
    }
  }

  #readKept(share: string): number {
    const row = this.#sql.row("SELECT kept FROM event_shares WHERE share = ?", share);
    return row ? number(row, "kept") : 0;
  }

  #readPlace(share: string): number {
    const statement = `SELECT coalesce(max(place), 0) AS place FROM events WHERE share = ${TEXT_PARAMETER}`;
    const row = this.#sql.row(statement, share);
    return row ? number(row, "place") : 0;
  }

  /** The sites' shares with more than `least` events, largest first. */
  #largest(least: number, limit = -1): { share: string; kept: number }[] {
    return this.#sql
      .rows(
        `SELECT share, kept FROM event_shares WHERE kept > ? AND share NOT IN ${OF_NO_SITE} ORDER BY kept DESC LIMIT ?`,
        least,
        limit,
      )
      .map((row) => ({ share: text(row, "share"), kept: number(row, "kept") }));
  }

  #limit(share: string, most: number): void {
    const kept = this.#kept.get(share);
    if (kept > most) this.#drop(share, kept - most);
  }

  /** Drops the oldest events of a share. Places in a share have no gaps. */
  #drop(share: string, count: number): void {
    const isNewestKept = count < this.#kept.get(share);
    const place = this.#places.get(share);
    this.#sql.write(
      changesOf(share),
      `DELETE FROM events WHERE share = ?
        AND place < (SELECT min(place) FROM events WHERE share = ${TEXT_PARAMETER}) + ?`,
      share,
      share,
      count,
    );
    if (isNewestKept) this.#places.put(share, place);
  }

  /** Number of events that the quota limits: all but the sites'. */
  count(): number {
    return this.#kept.get(EDGE) + this.#kept.get(STRANGERS);
  }

  /** The code of the newest event about a site's clock. Undefined if the clock was right again. */
  newestClock(site: string): string | undefined {
    const row = this.#sql.row(
      "SELECT code FROM events WHERE type = 'site.clock' AND site = ? ORDER BY id DESC LIMIT 1",
      site,
    );
    return row ? optional(row, "code") : undefined;
  }

  /**
   * Whether a recent event of this type and share has this site and code. Examines the newest 100, not older
   * than `since`.
   */
  hasSince(
    event: {
      type: EventType;
      site?: string | undefined;
      code?: string | undefined;
      owner?: string | undefined;
    },
    since: number,
  ): boolean {
    return (
      this.#sql.row(
        `SELECT 1 FROM (SELECT * FROM events WHERE share = ${TEXT_PARAMETER} AND type = ${TEXT_PARAMETER}
          ORDER BY id DESC LIMIT 100)
          WHERE site IS ? AND code IS ? AND at >= ?`,
        shareOf(event.type, event.owner),
        event.type,
        event.site ?? null,
        event.code ?? null,
        since,
      ) !== null
    );
  }

  /** A page of the log. */
  page(query: NetworkEventQuery): Omit<EventPage, "began"> {
    const { sql, values } = selectEvents(query);
    const { rows, more } = pageOf(this.#sql.rows(sql, ...values), query);
    const newest = this.#sql.row("SELECT coalesce(max(id), 0) AS id FROM events");
    return { events: rows.map(describe), more, newest: newest ? number(newest, "id") : 0 };
  }
}

function describe(row: Row): NetworkEvent {
  const count = number(row, "count");
  return {
    id: number(row, "id"),
    at: new Date(number(row, "at")).toISOString(),
    type: text(row, "type") as EventType,
    site: optional(row, "site"),
    text: text(row, "text"),
    code: optional(row, "code"),
    actor: text(row, "actor"),
    ...(count > 1 ? { count } : {}),
  };
}
