/**
 * The handler of uplink sockets: upgrades, messages and closes. Sockets hibernate: no code runs between
 * messages, and nothing relies on memory here.
 */
import { FairleadError } from "../../protocol/errors.ts";
import type { ConnectorMessage } from "../../protocol/uplink/messages.ts";
import type { Identity } from "../authority/identity.ts";
import { answerClose } from "../close-socket.ts";
import { publicError } from "../error-response.ts";
import type { Context } from "./context/context.ts";
import { dispatch, readMessage } from "./dispatch.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { closeUplink, handleDisconnect } from "./operations/disconnect.ts";
import { memberOf, noteAssertion } from "./operations/membership.ts";
import { MAX_WAIT_MS, mayOpenUplink, nextBan, PAUSE_MS, remainingBan } from "./policy/budget.ts";
import { type Attachment, isEstablished, readAttachment } from "./sockets/attachment.ts";
import { HelloTimeout } from "./sockets/hello-timeout.ts";
import { isReport, kindOf, PendingReports } from "./sockets/pending-reports.ts";
import type { Uplink } from "./sockets/uplinks.ts";

export class UplinkHandler {
  readonly #context: Context;
  readonly #lifecycle: Lifecycle;
  readonly #helloTimeout = new HelloTimeout((uplink, error) => this.#closeForError(uplink, error));
  /** The last queued work of each socket. Messages of one uplink are handled in order. */
  readonly #tails = new WeakMap<WebSocket, Promise<void>>();
  readonly #pending = new PendingReports<WebSocket>((socket, report) => {
    void this.#enqueue(socket, 0, () => report);
  });

  readonly #pause: (ms: number) => void;

  /** @param pause stops receiving messages and calls for a time, ms */
  constructor(context: Context, lifecycle: Lifecycle, pause: (ms: number) => void) {
    this.#context = context;
    this.#lifecycle = lifecycle;
    this.#pause = pause;
  }

  /** Restarts the hello timeouts after the object started. */
  wake(): void {
    for (const uplink of this.#context.uplinks.all()) this.#helloTimeout.start(uplink, this.#context.now());
  }

  /**
   * Accepts an uplink. Returns the connector's end.
   * @throws FairleadError `network.unknown`, `state.corrupt`, `site.revoked`, `certificate.revoked`, `uplink.limited`,
   * `uplink.too_many`, `assertion.replayed`
   */
  accept(identity: Identity): WebSocket {
    this.#lifecycle.requireNetwork();
    const site = memberOf(this.#context, identity);
    const now = this.#context.now();
    this.#checkOpening(site.id, identity.boot, now);
    noteAssertion(this.#context, identity, "uplink");
    const { answer, uplink } = this.#context.uplinks.accept({
      v: 1,
      site: site.id,
      boot: identity.boot,
      serial: identity.serial,
      notAfter: identity.notAfter,
      counter: identity.counter,
      openedAt: now,
      software: null,
      features: [],
      links: [],
      unproven: {},
      rtt: null,
      ended: false,
    });
    this.#helloTimeout.start(uplink, now);
    return answer;
  }

  /** Checks that a site may open another uplink. @throws FairleadError `uplink.limited`, `uplink.too_many` */
  #checkOpening(site: string, boot: string, now: number): void {
    const { store, budgets, uplinks } = this.#context;
    const banned = remainingBan(store.bans.of(site), now);
    const wait = banned > 0 ? banned : budgets.of(site, now).spend("opening", now);
    if (wait > 0) throw new FairleadError("uplink.limited", undefined, { retryAfterMs: wait });
    const open = uplinks.ofSite(site).map(({ attachment }) => attachment.boot);
    const others = new Set(open.filter((other) => other !== boot)).size;
    const own = open.filter((other) => other === boot).length;
    const limit = this.#context.quotas().uplinks;
    if (mayOpenUplink({ own, others, all: uplinks.countSockets(site) }, limit)) return;
    throw new FairleadError("uplink.too_many", `The site has reached its limit of ${limit} uplinks.`);
  }

  /**
   * Receives a message. Over budget, it waits, and later messages of the uplink wait behind it. A site that
   * is far over budget is banned, before the message is parsed.
   */
  handleMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> | undefined {
    const attachment = readAttachment(socket);
    // Messages from before the peer's close count, above all `bye`. A socket that the registry closed may
    // still send.
    if (!attachment || attachment.ended) {
      this.#pause(PAUSE_MS);
      return undefined;
    }
    const now = this.#context.now();
    const length = typeof data === "string" ? data.length : data.byteLength;
    const { wait, pause } = this.#context.budgets.of(attachment.site, now).receive(length, now);
    if (pause) this.#pause(PAUSE_MS);
    if (wait !== null) return this.#enqueue(socket, now + wait, () => readMessage(data));
    this.#ban({ socket, attachment }, now);
    return undefined;
  }

  /** Handles a message after earlier ones of the same socket, and not before a time (ms since 1970). */
  #enqueue(socket: WebSocket, notBefore: number, read: () => ConnectorMessage): Promise<void> {
    const before = this.#tails.get(socket) ?? Promise.resolve();
    const handled = before
      .catch(() => undefined)
      .then(async () => {
        const wait = Math.min(MAX_WAIT_MS, notBefore - this.#context.now());
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        await this.#handle(socket, read);
      });
    this.#tails.set(socket, handled);
    return handled;
  }

  /** Closes an uplink of a site that is far over budget, and bans the site for a growing time. */
  #ban(uplink: Uplink, now: number): void {
    const { store } = this.#context;
    const { site } = uplink.attachment;
    if (this.#lifecycle.exists) store.bans.put(site, nextBan(store.bans.of(site), now));
    this.#closeForError(uplink, new FairleadError("uplink.limited"));
  }

  async #handle(socket: WebSocket, read: () => ConnectorMessage): Promise<void> {
    const attachment = readAttachment(socket);
    if (!attachment || attachment.ended) return;
    try {
      if (!this.#lifecycle.exists) throw new FairleadError("network.unknown");
      const message = read();
      if (message.type === "bye") this.#pending.forget(socket);
      const spend = () => {
        const now = this.#context.now();
        return isReport(message)
          ? this.#context.budgets.of(attachment.site, now).spend(kindOf(message), now)
          : 0;
      };
      const early = !isEstablished(attachment);
      if (!early && isReport(message) && this.#pending.mustWait(socket, message, spend)) return;
      await dispatch(this.#context, { socket, attachment }, message);
    } catch (thrown) {
      this.#closeForError({ socket, attachment: readAttachment(socket) ?? attachment }, thrown);
    }
    this.#helloTimeout.cancelUnlessWaiting(socket);
    await this.#lifecycle.schedule();
  }

  /** Closes an uplink with the error of its last message. */
  #closeForError(uplink: Uplink, thrown: unknown): void {
    if (!this.#lifecycle.exists) {
      this.#context.uplinks.refuse(uplink, "network.unknown");
      return;
    }
    const error = publicError(thrown, "uplink");
    const site = this.#context.store.sites.get(uplink.attachment.site);
    // A newer uplink of the same process replaced this one, which is normal.
    if (error.code !== "uplink.replaced") {
      const text = `The uplink of site ${site?.name ?? "?"} was closed: ${error.message}`;
      this.#context.eventOnce("uplink.refused", text, {
        site: site?.name,
        code: error.code,
        owner: site?.id,
      });
    }
    closeUplink(this.#context, uplink, error.code, error.message);
  }

  /** Handles a close by the peer. */
  async handleClose(socket: WebSocket, code: number): Promise<void> {
    answerClose(socket, code);
    await this.handleGone(socket, "uplink.lost");
  }

  /**
   * Stores a departure if the connector's side closed the uplink. Uplinks that the registry closed are
   * skipped.
   */
  #noteDeparture(attachment: Attachment): void {
    const { store, uplinks } = this.#context;
    if (attachment.ended || !isEstablished(attachment) || uplinks.newestOf(attachment) !== null) return;
    if (store.sessions.ofInstance(attachment).length === 0) return;
    store.departures.note(attachment, this.#context.now(), attachment.rtt);
  }

  /** Handles the end of a socket, with the code of its reason. */
  async handleGone(socket: WebSocket, code: string): Promise<void> {
    this.#helloTimeout.cancelUnlessWaiting(socket);
    this.#pending.forget(socket);
    await this.#tails.get(socket)?.catch(() => undefined);
    const attachment = readAttachment(socket);
    // Marks the uplink as closed, whatever state the runtime still reports.
    this.#context.uplinks.close(socket, "uplink.lost");
    if (!attachment || !this.#lifecycle.exists) return;
    handleDisconnect(this.#context, { socket, attachment }, code);
    this.#noteDeparture(attachment);
    await this.#lifecycle.schedule();
  }
}
