/**
 * The event log: the newest of what happened. What others than the operator can cause at will has shares of its own, in which
 * it pushes out nothing but itself: refusals, which strangers cause, and what each site causes.
 */
import type { EventQuery, EventType, NetworkEvent } from "../../../protocol/api/events.ts";
import { selectEvents } from "../../event-query.ts";
import { type Change, KeyedMemo } from "./mutations.ts";
import { number, optional, type Sql, text } from "./sql.ts";

/** The shares that are not a site's. A site's has the site's id. */
const EDGE = "edge";
const STRANGERS = "strangers";
/** All sites' shares together. */
const SITES = "sites";
const OF_NO_SITE = `('${EDGE}', '${STRANGERS}', '${SITES}')`;

/** Of as many events as the network's quota: how many refusals are kept, what is kept of each site, and of all of them. */
const SHARE_RATIOS = { strangers: 1 / 10, site: 1 / 20, sites: 1 / 2 } as const;

/** So many events of one type, each on its own, a site can have within a minute; the rest is counted at the last of them. */
const BURST = 20;
const FOLDED_MS = 60_000;

/** What is told once and then read back, so that each counts. */
const NEVER_FOLDED: ReadonlySet<EventType> = new Set(["site.clock"]);

const isRefusal = (type: EventType): boolean => type === "token.refused" || type === "uplink.refused";

/** What events that come together have in common. */
export interface NewEvent {
  at: number;
  type: EventType;
  site?: string | undefined;
  /** Id of the site whose share they take. */
  owner?: string | undefined;
  actor: string;
}

export interface EventText {
  readonly text: string;
  readonly code?: string | undefined;
}

const shareOf = (type: EventType, owner: string | undefined): string =>
  owner ?? (isRefusal(type) ? STRANGERS : EDGE);

/** An event that comes or goes changes how many there are of its share, and of all sites' shares together. */
const changesOf = (share: string): Change[] => [
  ["events", share],
  ["events", SITES],
];

export class Events {
  readonly #sql: Sql;
  /** How many events a network keeps of what no site causes. */
  readonly #quota: () => number;
  /** How many events there are of a share. */
  readonly #kept: KeyedMemo<number>;
  /** Whether every share is known to be within its bounds: so after each event, once that was looked at. */
  #isPruned = false;

  constructor(sql: Sql, quota: () => number) {
    this.#sql = sql;
    this.#quota = quota;
    this.#kept = new KeyedMemo(sql.mutations, "events", (share) => this.#readKept(share));
    sql.mutations.on(["events"], (key) => {
      if (key === null) this.#isPruned = false;
    });
  }

  /** Adds events, oldest first. Of a site's, those beyond what it may have at once are one row. */
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
        [],
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

  /** Ids of the events of a type that began within the last minute in a share, newest first; BURST at the most. */
  #recent(share: string, { type, at }: NewEvent): number[] {
    return this.#sql
      .rows(
        "SELECT id, since FROM events WHERE share = ? AND type = ? ORDER BY id DESC LIMIT ?",
        share,
        type,
        BURST,
      )
      .filter((row) => number(row, "since") <= at && at - number(row, "since") < FOLDED_MS)
      .map((row) => number(row, "id"));
  }

  #insert(share: string, event: NewEvent, { text, code }: EventText): number {
    const shares = share === EDGE || share === STRANGERS ? [share] : [share, SITES];
    const kept = shares.map((each) => [each, this.#kept.get(each)] as const);
    const [row] = this.#sql.write(
      changesOf(share),
      `INSERT INTO events (at, since, type, site, text, code, actor, share, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?,
        (SELECT coalesce(max(place), 0) + 1 FROM events WHERE share = ?)) RETURNING id`,
      event.at,
      event.at,
      event.type,
      event.site ?? null,
      text,
      code ?? null,
      event.actor,
      share,
      share,
    );
    for (const [each, count] of kept) this.#kept.put(each, count + 1);
    return row ? number(row, "id") : 0;
  }

  /**
   * Drops the oldest of each share beyond what is kept of it. Where the sites have too many together, those with the most lose
   * theirs, so that each keeps what its equal part would be.
   */
  prune(): void {
    const quota = this.#quota();
    this.#pruneEdge(quota);
    const each = Math.floor(quota * SHARE_RATIOS.site);
    for (const { share, kept } of this.#largest(each)) this.#drop(share, kept - each);
    this.#pruneSites(quota);
    this.#isPruned = true;
  }

  /** The same after an event was added to a share, all others being within their bounds. */
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

  /** The shares that are not a site's. */
  #pruneEdge(quota: number): void {
    this.#limit(STRANGERS, Math.floor(quota * SHARE_RATIOS.strangers));
    this.#limit(EDGE, quota - this.#kept.get(STRANGERS));
  }

  /** What all sites have together. */
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

  /** The sites' shares of more than `least` events, the largest first. */
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

  /** Drops the oldest of a share. Places in it have no gaps. */
  #drop(share: string, count: number): void {
    this.#sql.write(
      changesOf(share),
      "DELETE FROM events WHERE share = ? AND place < (SELECT min(place) FROM events WHERE share = ?) + ?",
      share,
      share,
      count,
    );
  }

  /** How many there are of those that the quota bounds: all but the sites'. */
  count(): number {
    return this.#kept.get(EDGE) + this.#kept.get(STRANGERS);
  }

  /** The code of the newest event about a site's clock, which has none when the clock was right again. */
  newestClock(site: string): string | undefined {
    const row = this.#sql.row(
      "SELECT code FROM events WHERE type = 'site.clock' AND site = ? ORDER BY id DESC LIMIT 1",
      site,
    );
    return row ? optional(row, "code") : undefined;
  }

  /** Whether one of the newest 100 events of this type and share, not older than `since`, is of this site and code. */
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
        `SELECT 1 FROM (SELECT * FROM events WHERE share = ? AND type = ? ORDER BY id DESC LIMIT 100)
          WHERE site IS ? AND code IS ? AND at >= ?`,
        shareOf(event.type, event.owner),
        event.type,
        event.site ?? null,
        event.code ?? null,
        since,
      ) !== null
    );
  }

  /** The newest `limit` events that fit, oldest first. */
  list(query: EventQuery): NetworkEvent[] {
    const { sql, values } = selectEvents(query);
    const rows = this.#sql.rows(sql, ...values);
    return rows.reverse().map((row) => {
      const site = optional(row, "site");
      const code = optional(row, "code");
      const count = number(row, "count");
      return {
        id: number(row, "id"),
        at: new Date(number(row, "at")).toISOString(),
        type: text(row, "type") as EventType,
        ...(site === undefined ? {} : { site }),
        text: text(row, "text"),
        ...(code === undefined ? {} : { code }),
        actor: text(row, "actor"),
        ...(count > 1 ? { count } : {}),
      };
    });
  }
}
