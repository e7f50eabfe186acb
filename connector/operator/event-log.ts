/** Reads an event log of the API by pages: backwards from the newest, or forwards after an id. */
import { FairleadError } from "../../protocol/errors.ts";
import type { EdgeClient } from "../net/edge-client.ts";
import { type EventFilter, type ListedEvent, type ListedPage, pageOfEvents } from "./edge-api.ts";

/** The most events in one answer of the API. */
const PAGE = 1000;

/** The events that are read. */
export type EventSelection = Pick<EventFilter, "type" | "site" | "since">;

export class EventLog {
  readonly #edge: EdgeClient;
  readonly #network: string | null;
  readonly #selection: EventSelection;

  /** @param network null for the edge's own log */
  constructor(edge: EdgeClient, network: string | null, selection: EventSelection) {
    this.#edge = edge;
    this.#network = network;
    this.#selection = selection;
  }

  /**
   * Reads one page: with `after` the oldest, else the newest; oldest first.
   * @throws FairleadError
   */
  async page(
    range: Pick<EventFilter, "after" | "before" | "limit" | "since">,
    signal?: AbortSignal,
  ): Promise<ListedPage> {
    const filter = { ...this.#selection, limit: PAGE, ...range };
    const options = signal === undefined ? {} : { signal };
    const page = await pageOfEvents(this.#edge, this.#network, filter, options);
    if (page.newest === undefined && (filter.before !== undefined || filter.site !== undefined)) {
      throw new FairleadError(
        "request.invalid",
        "This edge is of an older version, without --before and --site.",
      );
    }
    return page;
  }

  /**
   * Reads the newest events, oldest first.
   * @param before only those with a smaller id
   */
  async newest(limit: number, before?: number): Promise<ListedPage> {
    let page = await this.page({ before, limit: Math.min(limit, PAGE) });
    let { events } = page;
    while (page.more && events.length < limit) {
      page = await this.page({ before: events[0]?.id, limit: Math.min(limit - events.length, PAGE) });
      events = [...page.events, ...events];
    }
    return { ...page, events };
  }

  /** Reads the oldest events after an id, oldest first. */
  async after(id: number, limit: number): Promise<ListedPage> {
    let page = await this.page({ after: id, limit: Math.min(limit, PAGE) });
    const events: ListedEvent[] = [...page.events];
    while (page.more && events.length < limit) {
      page = await this.page({
        after: events.at(-1)?.id ?? id,
        limit: Math.min(limit - events.length, PAGE),
      });
      events.push(...page.events);
    }
    return { ...page, events };
  }
}

/** The place of a follower in an event log. */
export class EventPosition {
  /** Id of the last event that was read, or that does not match; 0 before the first. */
  #after: number;
  #began: string | undefined;
  /** Only events at or after this time, once the log began anew. */
  #since: string | undefined;

  /** @param page the page that was read last */
  constructor(page: ListedPage, after = 0) {
    this.#after = after;
    this.#began = page.began;
    this.#advance(page);
  }

  /** The query of the next page. */
  get next(): { readonly after: number; readonly since?: string } {
    return { after: this.#after, ...(this.#since === undefined ? {} : { since: this.#since }) };
  }

  /**
   * Takes the page of {@link next}. Returns false if the log began anew since the last page: the page is of
   * another log, and `next` begins at the beginning of that log.
   */
  take(page: ListedPage): boolean {
    const isAnother = page.began !== undefined && this.#began !== undefined && page.began !== this.#began;
    this.#began = page.began ?? this.#began;
    if (isAnother || (page.newest ?? this.#after) < this.#after) {
      this.#after = 0;
      this.#since = page.began;
      return false;
    }
    this.#advance(page);
    return true;
  }

  #advance({ events, more, newest }: ListedPage): void {
    const last = events.at(-1)?.id ?? this.#after;
    this.#after = more ? last : Math.max(last, newest ?? 0);
  }
}
