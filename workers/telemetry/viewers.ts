/**
 * The viewers of a network's live traffic: hibernating WebSockets. A viewer watches while its lease runs; only then are
 * ticks sent and records of its tail asked for. One timer ends leases and one sends ticks, and neither is set while
 * nobody watches.
 */
import { LiveRequest, type LiveTraffic, WATCH_MS } from "../../protocol/api/live.ts";
import type { TrafficQuery } from "../../protocol/api/traffic.ts";
import { type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { parseJsonWith } from "../../protocol/parse.ts";
import { parseFlowFilter } from "../../protocol/telemetry/flow-filter.ts";
import type { SiteFlowRecord } from "../../protocol/telemetry/flow-record.ts";
import type { Tail } from "../../protocol/telemetry/messages.ts";
import { Bucket } from "../limits/bucket.ts";
import { MAX_REQUEST, type Viewer } from "../live/viewer.ts";
import { ViewerSockets } from "../live/viewer-sockets.ts";
import { readAttachment, TAGS, type ViewerAttachment, writeAttachment } from "./attachment.ts";
import { TAIL_RECORDS, VIEWER_MESSAGES } from "./policy/budget.ts";
import type { Growth } from "./policy/ledger.ts";
import type { TrafficView } from "./policy/traffic-view.ts";

/** Least time between two ticks, ms. */
const TICK_MS = 1_000;

/** Least time between two checks of what proved a viewer, ms. */
const CHECK_MS = 10_000;

/** A viewer with its open socket. */
interface OpenViewer {
  readonly socket: WebSocket;
  readonly attachment: ViewerAttachment;
}

/** What viewers ask of the object. */
export interface ViewerEffects {
  now(): number;
  /** Makes and fills the view of a query. @throws FairleadError request.invalid */
  createView(network: string, query: TrafficQuery): Promise<TrafficView>;
  describe(view: TrafficView): Extract<LiveTraffic, { type: "traffic" }>["traffic"];
  reporters(): Extract<LiveTraffic, { type: "tick" }>["reporters"];
  startTail(tail: Tail): void;
  stopTail(id: number): void;
  /** Called when viewers begin or cease to watch. */
  watchingChanged(): void;
  /** The code for which a viewer may no longer watch; null while it may. */
  refusal(viewer: Viewer): Promise<ErrorCode | null>;
}

export class Viewers {
  readonly #effects: ViewerEffects;
  readonly #sockets: ViewerSockets;
  /** Views of the queries of those who watch, by query. */
  readonly #views = new Map<string, TrafficView>();
  readonly #budgets = new WeakMap<WebSocket, Bucket>();
  /** Viewers that missed something, and get everything again once they have read. */
  readonly #behind = new WeakSet<WebSocket>();
  /** How many records of its tail were left out for each viewer that is behind. */
  readonly #left = new WeakMap<WebSocket, number>();
  /** The last check of what proves each viewer, and when it began, ms since 1970. */
  readonly #checks = new WeakMap<WebSocket, { at: number; refusal: Promise<ErrorCode | null> }>();
  readonly #records = new Bucket(TAIL_RECORDS);
  #lastTail = 0;
  #lastTickAt = 0;
  #tickTimer: ReturnType<typeof setTimeout> | null = null;
  #leaseTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(ctx: DurableObjectState, effects: ViewerEffects) {
    this.#effects = effects;
    this.#sockets = new ViewerSockets(ctx, TAGS.viewer, (socket) => this.#markEnded(socket));
  }

  /** Takes up the leases that are left after the object started. */
  wake(): void {
    this.#lastTail = Math.max(0, ...this.#all().map(({ attachment }) => attachment.tail?.id ?? 0));
    this.#scheduleLease();
  }

  /** Accepts a viewer. Returns its end. @throws FairleadError live.too_many */
  accept(network: string, viewer: Viewer): WebSocket {
    const { answer, socket } = this.#sockets.accept();
    writeAttachment(socket, {
      ...{ v: 1, kind: "viewer", network, viewer, query: null, tail: null, watchUntil: 0, ended: false },
    });
    return answer;
  }

  #all(): OpenViewer[] {
    return this.#sockets.open().flatMap((socket) => {
      const attachment = readAttachment(socket);
      return attachment?.kind === "viewer" && !attachment.ended ? [{ socket, attachment }] : [];
    });
  }

  #watching(): OpenViewer[] {
    const now = this.#effects.now();
    return this.#all().filter(({ attachment }) => attachment.watchUntil > now);
  }

  get isWatched(): boolean {
    return this.#watching().length > 0;
  }

  /** The tails of those who watch. */
  tails(): Tail[] {
    return this.#watching().flatMap(({ attachment: { tail } }) => (tail === null ? [] : [tail]));
  }

  // ---- Messages

  async handleMessage(
    socket: WebSocket,
    attachment: ViewerAttachment,
    data: string | ArrayBuffer,
  ): Promise<void> {
    try {
      const now = this.#effects.now();
      const budget = this.#budgets.get(socket) ?? new Bucket(VIEWER_MESSAGES);
      this.#budgets.set(socket, budget);
      const wait = budget.take(1, now);
      if (wait > 0) throw new FairleadError("request.limited", undefined, { retryAfterMs: wait });
      if (typeof data !== "string" || data.length > MAX_REQUEST) throw new FairleadError("request.invalid");
      await this.#handle(
        { socket, attachment },
        parseJsonWith(LiveRequest, data, { code: "request.invalid" }),
      );
    } catch (thrown) {
      const error = thrown instanceof FairleadError ? thrown : new FairleadError("edge.internal");
      this.#sockets.refuse(socket, error);
      if (!(thrown instanceof FairleadError)) throw thrown;
    }
  }

  async #handle({ socket, attachment: before }: OpenViewer, request: LiveRequest): Promise<void> {
    await this.#check(socket, before);
    // Messages that came first were handled during the check.
    const attachment = readAttachment(socket);
    if (attachment?.kind !== "viewer" || attachment.ended) return;
    const wasWatching = attachment.watchUntil > this.#effects.now();
    switch (request.type) {
      case "watch":
        this.#renew(socket, {});
        if (wasWatching || attachment.query === null) return;
        return await this.#sendAll(socket);
      case "traffic":
        this.#renew(socket, { query: request.query });
        return await this.#sendAll(socket);
      case "tail": {
        parseFlowFilter(request.filter);
        if (attachment.tail !== null) this.#effects.stopTail(attachment.tail.id);
        this.#lastTail += 1;
        const tail = { id: this.#lastTail, filter: request.filter };
        this.#left.delete(socket);
        this.#renew(socket, { tail });
        if (wasWatching) this.#effects.startTail(tail);
        return;
      }
      case "untail":
        if (attachment.tail !== null) this.#effects.stopTail(attachment.tail.id);
        this.#left.delete(socket);
        writeAttachment(socket, { ...attachment, tail: null });
    }
  }

  /**
   * Checks what proves a viewer. Messages wait for a check that runs, so that they are handled in their order.
   * @throws FairleadError of what no longer proves the viewer
   */
  async #check(socket: WebSocket, { viewer }: ViewerAttachment): Promise<void> {
    const now = this.#effects.now();
    const last = this.#checks.get(socket);
    const isFresh = last !== undefined && now - last.at < CHECK_MS;
    const check = isFresh ? last : { at: now, refusal: this.#effects.refusal(viewer) };
    this.#checks.set(socket, check);
    const code = await check.refusal;
    if (code !== null) throw new FairleadError(code);
  }

  /** Renews the lease of a viewer. A viewer that did not watch takes up its tail again. */
  #renew(socket: WebSocket, changes: Partial<ViewerAttachment>): void {
    const attachment = readAttachment(socket);
    if (attachment?.kind !== "viewer") return;
    const now = this.#effects.now();
    const renewed = { ...attachment, ...changes, watchUntil: now + WATCH_MS };
    writeAttachment(socket, renewed);
    this.#scheduleLease();
    if (attachment.watchUntil > now) return;
    if (renewed.tail !== null) this.#effects.startTail(renewed.tail);
    this.#effects.watchingChanged();
  }

  /** Ends what a viewer had that does not watch any more, or is gone. */
  end({ tail }: ViewerAttachment): void {
    if (tail !== null) this.#effects.stopTail(tail.id);
    this.#dropViews();
    this.#effects.watchingChanged();
  }

  #scheduleLease(): void {
    if (this.#leaseTimer !== null) clearTimeout(this.#leaseTimer);
    this.#leaseTimer = null;
    const ends = this.#watching().map(({ attachment }) => attachment.watchUntil);
    if (ends.length === 0) return;
    const wait = Math.max(1, Math.min(...ends) - this.#effects.now());
    this.#leaseTimer = setTimeout(() => this.#endLeases(), wait);
  }

  /** Ends the leases that are over. */
  #endLeases(): void {
    const now = this.#effects.now();
    for (const { socket, attachment } of this.#all()) {
      if (attachment.watchUntil === 0 || attachment.watchUntil > now) continue;
      writeAttachment(socket, { ...attachment, watchUntil: 0 });
      if (attachment.tail !== null) this.#effects.stopTail(attachment.tail.id);
    }
    this.#dropViews();
    this.#effects.watchingChanged();
    this.#scheduleLease();
  }

  // ---- Traffic

  /** Drops the views that nobody watches. */
  #dropViews(): void {
    const wanted = new Set(this.#watching().map(({ attachment: { query } }) => keyOf(query)));
    for (const key of this.#views.keys()) if (!wanted.has(key)) this.#views.delete(key);
    if (this.#views.size > 0 || this.isWatched) return;
    if (this.#tickTimer !== null) clearTimeout(this.#tickTimer);
    this.#tickTimer = null;
  }

  /** Sends a viewer everything that its query asks for. */
  async #sendAll(socket: WebSocket): Promise<void> {
    const asked = readAttachment(socket);
    if (asked?.kind !== "viewer" || asked.query === null) return;
    const key = keyOf(asked.query);
    if (!this.#views.has(key)) {
      const made = await this.#effects.createView(asked.network, asked.query);
      if (!this.#views.has(key)) this.#views.set(key, made);
    }
    const view = this.#views.get(key);
    const current = readAttachment(socket);
    // The viewer asked for something else, or left, while the view was made.
    if (view === undefined || current?.kind !== "viewer" || current.ended || keyOf(current.query) !== key) {
      return this.#dropViews();
    }
    this.#dropViews();
    if (this.#isCurrent(socket)) this.#sendWhole(socket, view);
  }

  #sendWhole(socket: WebSocket, view: TrafficView): void {
    view.advance(this.#effects.now());
    this.#behind.delete(socket);
    this.#send(socket, { type: "traffic", traffic: this.#effects.describe(view) });
  }

  /** Sends everything to those who watch, after names changed. */
  async refresh(): Promise<void> {
    this.#views.clear();
    for (const { socket } of this.#watching()) await this.#sendAll(socket);
  }

  /** Adds what grew to the views that are watched, and sends it soon. */
  count(grown: readonly Growth[], now: number): void {
    if (this.#views.size === 0) return;
    for (const [key, view] of this.#views) {
      // The last values of a step are sent as such, before the next one begins.
      if (view.isPast(now) && view.hasChanged) this.#sendTicks(key, view, view.from + view.lengthMs - 1);
      view.advance(now);
      for (const { series, by } of grown) {
        view.addTotal(series, by);
        view.addAt(series, now, by);
      }
    }
    this.#scheduleTick();
  }

  #scheduleTick(): void {
    const wait = Math.max(0, this.#lastTickAt + TICK_MS - this.#effects.now());
    this.#tickTimer ??= setTimeout(() => this.#tick(), wait);
  }

  #tick(): void {
    this.#tickTimer = null;
    const now = this.#effects.now();
    this.#lastTickAt = now;
    for (const [key, view] of this.#views) {
      const end = view.from + view.lengthMs - 1;
      if (view.hasChanged) this.#sendTicks(key, view, Math.min(now, end));
    }
    for (const { socket, attachment } of this.#watching()) this.#catchUp(socket, attachment);
  }

  /** Sends a viewer that was behind and has read everything that it missed. */
  #catchUp(socket: WebSocket, { query }: ViewerAttachment): void {
    const left = this.#left.get(socket);
    const missedTicks = this.#behind.has(socket);
    if ((!missedTicks && left === undefined) || !this.#isCurrent(socket)) return;
    this.#behind.delete(socket);
    this.#left.delete(socket);
    const view = this.#views.get(keyOf(query));
    if (missedTicks && view !== undefined) this.#sendWhole(socket, view);
    if (left !== undefined) this.#send(socket, { type: "records", records: [], left });
  }

  #sendTicks(key: string, view: TrafficView, at: number): void {
    const tick: LiveTraffic = {
      ...{ type: "tick", at: new Date(at).toISOString() },
      ...{ groups: view.takeChanged(), reporters: this.#effects.reporters() },
    };
    for (const { socket, attachment } of this.#watching()) {
      if (keyOf(attachment.query) !== key || this.#behind.has(socket) || !this.#isCurrent(socket)) continue;
      this.#send(socket, tick);
    }
  }

  // ---- Records

  /** Passes records of a tail on to its viewer. @param left how many the connector left out */
  relay(tail: number, records: readonly SiteFlowRecord[], left: number): void {
    const viewer = this.#watching().find(({ attachment }) => attachment.tail?.id === tail);
    if (viewer === undefined || (records.length === 0 && left === 0)) return;
    const { socket } = viewer;
    const leftBefore = this.#left.get(socket) ?? 0;
    const leftNow = (room: number) =>
      Math.min(Number.MAX_SAFE_INTEGER, leftBefore + left + records.length - room);
    if (!this.#isCurrent(socket)) {
      this.#left.set(socket, leftNow(0));
      return;
    }
    const now = this.#effects.now();
    let room = records.length;
    while (room > 0 && !this.#records.spend(room, now)) room = Math.floor(room / 2);
    this.#left.delete(socket);
    this.#send(socket, { type: "records", records: records.slice(0, room), left: leftNow(room) });
  }

  // ---- Sending

  /** Whether a viewer keeps up. One that does not is sent everything again once it has read. */
  #isCurrent(socket: WebSocket): boolean {
    if (this.#sockets.isCurrent(socket, this.#effects.now())) return true;
    this.#behind.add(socket);
    this.#scheduleTick();
    return false;
  }

  #send(socket: WebSocket, message: LiveTraffic): void {
    this.#sockets.send(socket, message);
  }

  #markEnded(socket: WebSocket): void {
    const attachment = readAttachment(socket);
    if (attachment?.kind !== "viewer" || attachment.ended) return;
    writeAttachment(socket, { ...attachment, ended: true });
    this.end(attachment);
  }

  /** Closes every viewer. */
  closeAll(code: ErrorCode): void {
    for (const { socket } of this.#all()) this.#sockets.refuse(socket, new FairleadError(code));
  }
}

const keyOf = (query: TrafficQuery | null): string => JSON.stringify(query);
