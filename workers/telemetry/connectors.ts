/** The telemetry connections of a network: hibernating WebSockets of its connectors. */
import { type ErrorCode, FairleadError, toErrorBody } from "../../protocol/errors.ts";
import type { Tail, TelemetryNotice } from "../../protocol/telemetry/messages.ts";
import { closeSocketFor } from "../close-socket.ts";
import { type ConnectorAttachment, readAttachment, TAGS, writeAttachment } from "./attachment.ts";
import { MAX_CONNECTIONS, SiteBudgets } from "./policy/budget.ts";

/** Most bytes that may wait for a connector that does not read. */
const MAX_UNSENT = 1024 * 1024;

/** For this time, a site that was removed is refused, and everything in a deleted network: dials were in flight, ms. */
const REMOVED_MS = 60_000;

/** A connection of a connector. */
export interface Connection {
  readonly socket: WebSocket;
  readonly attachment: ConnectorAttachment;
}

export class Connectors {
  readonly budgets = new SiteBudgets();
  readonly #ctx: DurableObjectState;
  /** When each connection reported last, ms since 1970. */
  readonly #reportedAt = new WeakMap<WebSocket, number>();
  /** Until when removed sites are refused, ms since 1970. */
  readonly #removed = new Map<string, number>();
  /** Until when everything is refused, because the network was deleted, ms since 1970. */
  #deletedUntil = 0;
  #everyMs: number | null = null;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
  }

  /**
   * Accepts a connection of a verified member. Returns the connector's end.
   * @throws FairleadError network.unknown, site.revoked, telemetry.limited, telemetry.too_many
   */
  accept({ site, name, boot }: Pick<ConnectorAttachment, "site" | "name" | "boot">, now: number): WebSocket {
    if (this.#deletedUntil > now) throw new FairleadError("network.unknown");
    if ((this.#removed.get(site) ?? 0) > now) throw new FairleadError("site.revoked");
    const wait = this.budgets.wait(site, now);
    if (wait > 0) throw new FairleadError("telemetry.limited", undefined, { retryAfterMs: wait });
    const open = this.#ctx.getWebSockets(TAGS.site(site));
    if (open.length >= MAX_CONNECTIONS) throw new FairleadError("telemetry.too_many");
    const pair = new WebSocketPair();
    this.#ctx.acceptWebSocket(pair[1], [TAGS.connector, TAGS.site(site)]);
    writeAttachment(pair[1], {
      ...{ v: 1, kind: "connector", site, name, boot, greeted: false, ended: false },
    });
    return pair[0];
  }

  /** Open connections whose hello was accepted. */
  greeted(): Connection[] {
    return this.#open(TAGS.connector).filter(({ attachment }) => attachment.greeted);
  }

  ofSite(site: string): Connection[] {
    return this.#open(TAGS.site(site));
  }

  #open(tag: string): Connection[] {
    return this.#ctx.getWebSockets(tag).flatMap((socket) => {
      const attachment = readAttachment(socket);
      const isOpen =
        attachment?.kind === "connector" && !attachment.ended && socket.readyState === WebSocket.OPEN;
      return isOpen ? [{ socket, attachment }] : [];
    });
  }

  /** Whether a process of a site has a connection. */
  isConnected(site: string, boot: string): boolean {
    return this.ofSite(site).some(({ attachment }) => attachment.boot === boot);
  }

  /** Answers a hello. An older connection of the same process ends. */
  greet({ socket, attachment }: Connection, everyMs: number, tails: Tail[]): void {
    for (const other of this.ofSite(attachment.site)) {
      if (other.socket !== socket && other.attachment.boot === attachment.boot)
        this.#close(other.socket, "uplink.replaced");
    }
    writeAttachment(socket, { ...attachment, greeted: true });
    this.#send(socket, { type: "welcome", everyMs, tails });
  }

  /** Notes a report. Returns the time since the one before, ms; 0 for the first of a connection. */
  noteReport(socket: WebSocket, now: number): number {
    const before = this.#reportedAt.get(socket);
    this.#reportedAt.set(socket, now);
    return before === undefined ? 0 : Math.max(0, now - before);
  }

  /** Sites that report, with the time since their last report, ms. */
  reporters(now: number): { id: string; name: string; ageMs: number }[] {
    const sites = new Map<string, { id: string; name: string; ageMs: number }>();
    for (const { socket, attachment } of this.greeted()) {
      const at = this.#reportedAt.get(socket);
      if (at === undefined) continue;
      const ageMs = Math.max(0, now - at);
      const known = sites.get(attachment.site);
      if (known === undefined || known.ageMs > ageMs) {
        sites.set(attachment.site, { id: attachment.site, name: attachment.name, ageMs });
      }
    }
    return [...sites.values()];
  }

  /** How often connectors report now, ms. */
  get everyMs(): number {
    return this.#everyMs ?? 0;
  }

  /** Tells every connector how often to report, if that changed. */
  setCadence(everyMs: number): void {
    const before = this.#everyMs;
    this.#everyMs = everyMs;
    if (before !== everyMs && before !== null) this.broadcast({ type: "cadence", everyMs });
  }

  broadcast(notice: TelemetryNotice): void {
    const text = JSON.stringify(notice);
    for (const { socket } of this.greeted()) this.#sendText(socket, text);
  }

  #send(socket: WebSocket, notice: TelemetryNotice): void {
    this.#sendText(socket, JSON.stringify(notice));
  }

  #sendText(socket: WebSocket, text: string): void {
    try {
      socket.send(text);
    } catch {
      // The socket closed meanwhile. Its close event handles the rest.
    }
    if (socket.bufferedAmount > MAX_UNSENT) this.#close(socket, "uplink.lost");
  }

  /** Sends an error, then closes the connection. */
  refuse(socket: WebSocket, error: FairleadError): void {
    this.#send(socket, { type: "error", error: toErrorBody(error) });
    this.#close(socket, error.code);
  }

  #close(socket: WebSocket, code: ErrorCode): void {
    const attachment = readAttachment(socket);
    if (attachment !== null) writeAttachment(socket, { ...attachment, ended: true });
    closeSocketFor(socket, code);
  }

  /** Closes the connections of a site that was revoked or deleted, and refuses those in flight. */
  remove(site: string, now: number): void {
    for (const [id, until] of this.#removed) if (until <= now) this.#removed.delete(id);
    this.#removed.set(site, now + REMOVED_MS);
    for (const { socket } of this.ofSite(site)) this.refuse(socket, new FairleadError("site.revoked"));
  }

  /** Closes every connection of a network that was deleted, and refuses those in flight. */
  removeAll(now: number): void {
    this.#deletedUntil = now + REMOVED_MS;
    this.closeAll("network.unknown");
  }

  /** Closes every connection. */
  closeAll(code: ErrorCode): void {
    for (const { socket } of this.#open(TAGS.connector)) this.refuse(socket, new FairleadError(code));
  }
}
