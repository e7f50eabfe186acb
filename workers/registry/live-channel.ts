/**
 * The live channel of a network (docs/protocol.md, "Live channels"): tells viewers of its status and its events. Only
 * viewers that watch are told. Without them nothing is computed, no timer runs, and the object sleeps.
 *
 * A flush describes the sites that may have changed, once for all viewers. The view that viewers have is in memory: an
 * object that woke sends snapshots again.
 */
import type { NetworkEvent } from "../../protocol/api/events.ts";
import {
  LiveRequest,
  type LiveStatus,
  SILENT_MS,
  type SilentSite,
  WATCH_MS,
} from "../../protocol/api/live.ts";
import { type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { answerClose } from "../close-socket.ts";
import { MAX_REQUEST, type Viewer } from "../live/viewer.ts";
import type { Context } from "./context/context.ts";
import { describeStatus } from "./operations/describe.ts";
import { describeChanges } from "./operations/describe-changes.ts";
import { LiveChanges } from "./policy/live-changes.ts";
import { LiveView, type StatusDelta } from "./policy/live-view.ts";
import { isEstablished } from "./sockets/attachment.ts";
import type { OpenViewer, Viewers } from "./sockets/viewers.ts";

/** Least interval of deltas, ms. Above {@link MANY_SITES} sites, the longer one. */
const FLUSH_MS = 250;
const SLOW_FLUSH_MS = 1000;
const MANY_SITES = 300;

/** Interval at which the keep-alives of uplinks are read while somebody watches, ms. */
const TICK_MS = 5000;

/** Events in a snapshot, and the most events in a delta: the newest. */
const RECENT_EVENTS = 200;

/** Least interval at which the proof of one viewer is looked up, ms. */
const CHECK_MS = 5000;

/** What the channel needs of its object. */
export interface LiveChannelParts {
  readonly context: Context;
  readonly viewers: Viewers;
  /** Whether the object has a network. */
  exists(): boolean;
  /** Closes uplinks that are dead. */
  closeSilent(): Promise<void>;
  /** The code for which a viewer may no longer watch; null while it may. */
  refusal(viewer: Viewer, now: number): Promise<ErrorCode | null>;
}

export class LiveChannel {
  readonly #parts: LiveChannelParts;
  readonly #changes = new LiveChanges();
  /** What viewers know; null while nobody watches. */
  #view: LiveView | null = null;
  /** The number of the last message. */
  #sequence = 0;
  /** Viewers that got every message since the snapshot. */
  #current = new WeakSet<WebSocket>();
  readonly #checkedAt = new WeakMap<WebSocket, number>();
  #newestEvent = 0;
  #silent: SilentSite[] = [];
  #flushedAt = Number.NEGATIVE_INFINITY;
  #flushTimer: ReturnType<typeof setTimeout> | null = null;
  #tickTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(parts: LiveChannelParts) {
    this.#parts = parts;
    const { mutations } = parts.context.store;
    mutations.on(["sites", "links", "offers", "certificates", "listeners"], (site) => this.changed(site));
    mutations.on(["network"], () => this.changed(null));
    mutations.on(["events"], () => this.#note());
    mutations.on(["folds"], (id) => {
      if (id !== null) this.#note(() => this.#changes.folded(Number(id)));
    });
  }

  /** Tells viewers again whose lease runs, after the object started. */
  wake(): void {
    if (this.#parts.viewers.watching(this.#now()).length > 0) this.#start();
  }

  /** Accepts a viewer, and sends it a snapshot. Returns the client's end. @throws FairleadError live.too_many */
  accept(viewer: Viewer): WebSocket {
    const now = this.#now();
    const { answer, socket } = this.#parts.viewers.accept(viewer, now + WATCH_MS);
    this.#checkedAt.set(socket, now);
    this.#start();
    this.#flush();
    return answer;
  }

  /** Handles a message of a viewer. Messages of a newer version are ignored. */
  async handleMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const viewer = this.#parts.viewers.of(socket);
    if (viewer === null) return;
    if (typeof data !== "string" || data.length > MAX_REQUEST) {
      this.#parts.viewers.refuse(socket, "request.too_large");
      return;
    }
    if (requestIn(data)?.type === "watch") await this.#renew(viewer);
  }

  handleClose(socket: WebSocket, code: number): void {
    answerClose(socket, code);
  }

  /** Closes every viewer: the network was deleted. */
  closeAll(code: ErrorCode): void {
    for (const { socket } of this.#parts.viewers.all()) this.#parts.viewers.refuse(socket, code);
    this.#stop();
  }

  /** A site, its links or its services may have changed. @param site its id; null for any site */
  changed(site: string | null): void {
    this.#note(() => this.#changes.site(site));
  }

  #now(): number {
    return this.#parts.context.now();
  }

  /** Notes a change, and sends it soon. */
  #note(change?: () => void): void {
    if (this.#view === null) return;
    change?.();
    if (this.#flushTimer !== null) return;
    const many = this.#parts.context.store.sites.count() > MANY_SITES;
    const due = this.#flushedAt + (many ? SLOW_FLUSH_MS : FLUSH_MS);
    // Never at once: what notes the change may be within a transaction.
    this.#flushTimer = setTimeout(() => this.#flush(), Math.max(0, due - this.#now()));
  }

  /** Extends the lease of a viewer whose proof still holds, and sends a snapshot to one that was not told of all. */
  async #renew(viewer: OpenViewer): Promise<void> {
    const { viewers, refusal } = this.#parts;
    const now = this.#now();
    if (now - (this.#checkedAt.get(viewer.socket) ?? Number.NEGATIVE_INFINITY) >= CHECK_MS) {
      this.#checkedAt.set(viewer.socket, now);
      const code = await refusal(viewer.viewer, now);
      if (code !== null) {
        viewers.refuse(viewer.socket, code);
        return;
      }
    }
    if (viewers.of(viewer.socket) === null) return;
    viewers.renew(viewer, now + WATCH_MS);
    this.#start();
    if (!this.#current.has(viewer.socket)) this.#flush();
  }

  /** Begins to follow the network, unless that runs. */
  #start(): void {
    if (!this.#parts.exists()) return;
    if (this.#view === null) {
      this.#changes.take();
      this.#view = new LiveView(describeStatus(this.#parts.context));
      this.#current = new WeakSet();
      this.#newestEvent = this.#parts.context.store.events.page({ limit: 1 }).newest;
      this.#silent = this.#readSilent();
      this.#note();
    }
    this.#tickTimer ??= setTimeout(() => void this.#tick(), TICK_MS);
  }

  /** Forgets everything. Viewers that watch again get a snapshot. */
  #stop(): void {
    clearTimeout(this.#flushTimer);
    clearTimeout(this.#tickTimer);
    this.#flushTimer = null;
    this.#tickTimer = null;
    this.#view = null;
    this.#current = new WeakSet();
    this.#changes.take();
  }

  /** Looks for silent uplinks, and ends when no lease runs. */
  async #tick(): Promise<void> {
    this.#tickTimer = null;
    const { viewers, closeSilent, exists } = this.#parts;
    if (!exists() || viewers.watching(this.#now()).length === 0) {
      this.#stop();
      return;
    }
    this.#tickTimer = setTimeout(() => void this.#tick(), TICK_MS);
    await closeSilent();
    const silent = this.#readSilent();
    const isSame = JSON.stringify(silent) === JSON.stringify(this.#silent);
    this.#silent = silent;
    this.#flush(!isSame);
  }

  #readSilent(): SilentSite[] {
    const { uplinks } = this.#parts.context;
    const now = this.#now();
    const heardAt = new Map<string, SilentSite & { readonly ms: number }>();
    for (const uplink of uplinks.all()) {
      const { site, boot } = uplink.attachment;
      if (!isEstablished(uplink.attachment)) continue;
      const ms = uplinks.heardAt(uplink, now);
      const key = `${site} ${boot}`;
      // A process may have two uplinks for a moment.
      if ((heardAt.get(key)?.ms ?? 0) < ms) {
        heardAt.set(key, { site, boot, heardAt: new Date(ms).toISOString(), ms });
      }
    }
    return [...heardAt.values()]
      .filter(({ ms }) => now - ms > SILENT_MS)
      .map(({ ms: _, ...silent }) => silent)
      .sort((left, right) => (`${left.site} ${left.boot}` < `${right.site} ${right.boot}` ? -1 : 1));
  }

  /** Sends what changed to the viewers that watch. @param isSilentNew whether the list of silent instances differs */
  #flush(isSilentNew = false): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = null;
    const view = this.#view;
    const { context, viewers, exists } = this.#parts;
    if (view === null || !exists()) return;
    const now = this.#now();
    const watching = viewers.watching(now);
    if (watching.length === 0) {
      this.#stop();
      return;
    }
    this.#flushedAt = now;
    const { sites, folded } = this.#changes.take();
    const status = sites === null ? view.replaceAll(describeStatus(context)) : this.#describe(view, sites);
    const events = this.#readEvents(folded);
    this.#send(watching, {
      ...status,
      ...(events.length === 0 ? {} : { events }),
      ...(isSilentNew ? { silent: this.#silent } : {}),
    });
  }

  #describe(view: LiveView, sites: ReadonlySet<string>): StatusDelta | null {
    return sites.size === 0 ? null : view.apply(describeChanges(this.#parts.context, sites, view));
  }

  /** The events since the last flush, and those that took up others. */
  #readEvents(folded: readonly number[]): NetworkEvent[] {
    const { events } = this.#parts.context.store;
    const { newest } = events.page({ limit: 1 });
    const added =
      newest === this.#newestEvent
        ? []
        : events.page({ limit: RECENT_EVENTS }).events.filter(({ id }) => id > this.#newestEvent);
    const again = folded
      .filter((id) => id <= this.#newestEvent)
      .flatMap((id) => events.page({ after: id - 1, limit: 1 }).events.filter((event) => event.id === id));
    this.#newestEvent = newest;
    return [...again, ...added];
  }

  #send(
    watching: readonly OpenViewer[],
    changes: Omit<Extract<LiveStatus, { type: "delta" }>, "type" | "seq" | "at">,
  ): void {
    const { viewers } = this.#parts;
    const at = new Date(this.#now()).toISOString();
    const current = watching.filter(({ socket }) => this.#current.has(socket));
    if (Object.keys(changes).length > 0) {
      this.#sequence += 1;
      const delta: LiveStatus = { type: "delta", seq: this.#sequence, at, ...changes };
      const text = current.length === 0 ? "" : JSON.stringify(delta);
      for (const viewer of this.#readers(current)) viewers.send(viewer, text);
      // A viewer that is not told of this misses it.
      const told = new Set(current.map(({ socket }) => socket));
      for (const { socket } of viewers.all()) if (!told.has(socket)) this.#current.delete(socket);
    }
    const waiting = this.#readers(watching.filter(({ socket }) => !this.#current.has(socket)));
    if (waiting.length === 0) return;
    const text = this.#snapshot(at);
    for (const viewer of waiting) {
      this.#current.add(viewer.socket);
      viewers.send(viewer, text);
    }
  }

  /** The viewers that keep up. The others get a snapshot once they have read what waits. */
  #readers(all: readonly OpenViewer[]): OpenViewer[] {
    const now = this.#now();
    return all.filter((viewer) => {
      if (this.#parts.viewers.isCurrent(viewer, now)) return true;
      this.#current.delete(viewer.socket);
      return false;
    });
  }

  #snapshot(at: string): string {
    const { context } = this.#parts;
    const view = this.#view;
    if (view === null) throw new FairleadError("edge.internal", "A snapshot needs a view.");
    const snapshot: LiveStatus = {
      type: "snapshot",
      seq: this.#sequence,
      at,
      status: view.status,
      events: context.store.events.page({ limit: RECENT_EVENTS }).events,
      silent: this.#silent,
    };
    return JSON.stringify(snapshot);
  }
}

/** The request in a message; null for one that this version does not know. */
function requestIn(data: string): LiveRequest | null {
  try {
    return LiveRequest.safeParse(JSON.parse(data)).data ?? null;
  } catch {
    return null;
  }
}
